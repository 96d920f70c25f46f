"""The model's context window: its size, its shares, and requests that fit."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from graph.model.model_servers import fetch_window
from graph.settings.context import TurnContext
from graph.settings.settings import Settings
from graph.state.turn_state import State
from graph.tools.traits import Toolbox, traits_of
from memory.prompt.prompt import render_message
from memory.prompt.token_budget import CountTokens, TokenCounter, count_aside
from memory.prompt.window import (
    AROUND_TOOLS,
    MARKS,
    PromptSizes,
    Space,
    Window,
    affordable,
    largest_cap,
    shrink_window,
    split_window,
)
from memory.refusal import Refusal

LEAST_OUTPUT = 800
"""Characters of tool output below which tools are withdrawn to make room."""
_SIZES_KEPT = 200
logger = logging.getLogger(__name__)

Build = Callable[[bool, int], Sequence[AnyMessage]]
"""Builds a request from: no more tools, and the limit in characters on an output."""
_FENCE = 20
"""Tokens around recalled memories, and around each text that came with the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    messages: Sequence[AnyMessage]
    tools: Mapping[str, BaseTool]
    last: bool
    cap: int = 0
    """Limit in characters on an output, if they did not all fit; else 0."""


class ModelWindow:
    """The window from settings, the model's server, and the server's refusals."""

    def __init__(self, settings: Settings, tokens: TokenCounter) -> None:
        self._settings = settings
        self._tokens = tokens
        self._known: Window | None = None
        self._is_final = False
        self._sizes: dict[int, tuple[BaseTool, int]] = {}

    @property
    def reply_cap(self) -> int:
        """Limit on a reply's tokens, from the settings."""
        return self._settings.model_max_tokens

    async def current(self) -> Window | None:
        """Return the window, asking the server until its answer is final; None when unknown."""
        settings = self._settings
        if self._is_final:
            return self._known
        if settings.model_context or not (settings.model and settings.model_base_url):
            tokens, self._is_final = settings.model_context, True
        else:
            key = settings.model_api_key.get_secret_value()
            reported = await fetch_window(settings.model_base_url, settings.model, key)
            if self._is_final:  # learned from a refusal meanwhile
                return self._known
            tokens, self._is_final = reported.tokens, reported.final
        self._known = Window(tokens=tokens) if tokens else None
        return self._known

    async def fit(self, build: Build, tools: Mapping[str, BaseTool], *, last: bool, longest: int) -> Request:
        """Build a request that fits the window, its tool outputs cut to at most `longest` characters.

        Withdraws the tools when little room is left: their descriptions take some.
        """
        window, offered = await self.current(), {} if last else tools
        if window is None:
            return Request(messages=build(last, longest), tools=offered, last=last)
        count, room = await self._tokens.ready(), window.prompt(self.reply_cap)

        def size(cap: int) -> int:
            return request_size(build(last, cap), offered, count, enough=room)

        cap = largest_cap(size, room, longest)
        if offered and cap < min(longest, LEAST_OUTPUT):
            last, offered = True, {}
            cap = largest_cap(size, room, longest)
        return Request(messages=build(last, cap), tools=offered, last=last, cap=cap if cap < longest else 0)

    async def affordable(self, tools: Mapping[str, BaseTool]) -> Mapping[str, BaseTool]:
        """Return the tools that fit into a quarter of a prompt, most important first."""
        if (window := await self.current()) is None:
            return tools
        room = window.prompt(self.reply_cap) // 4
        return {name: tools[name] for name in affordable(await self.tool_sizes(tools), room)}

    async def tool_sizes(self, tools: Mapping[str, BaseTool]) -> dict[str, int]:
        """Return the tokens of each tool's description, most important tool first."""
        count = await self._tokens.ready()
        needed = sorted(tools, key=lambda name: (-traits_of(tools[name]).priority, name))
        return {name: self._tool_size(tools[name], count) for name in needed}

    def _tool_size(self, tool: BaseTool, count: CountTokens) -> int:
        """Count a tool's description once; a reloaded plugin makes new tools."""
        known, size = self._sizes.get(id(tool), (None, 0))
        if known is not tool:
            if len(self._sizes) >= _SIZES_KEPT:
                self._sizes.clear()
            size = count(_description(tool))
            self._sizes[id(tool)] = (tool, size)
        return size

    async def reply_room(self, messages: Sequence[AnyMessage], tools: Mapping[str, BaseTool]) -> int | None:
        """Return the limit on the reply's tokens after the request; None when the window is unknown."""
        if (window := self._known) is None:
            return None
        count, enough = await self._tokens.ready(), window.room(self.reply_cap)
        return min(self.reply_cap, window.left(request_size(messages, tools, count, enough=enough)))

    async def learn(
        self,
        refusal: Refusal,
        messages: Sequence[AnyMessage],
        tools: Mapping[str, BaseTool],
        reply: int | None,
    ) -> None:
        """Learn from a refusal of a request as too long."""
        size = request_size(messages, tools, await self._tokens.ready())
        reply = self.reply_cap if reply is None else reply
        self._known, self._is_final = shrink_window(self._known, refusal, prompt=size, reply=reply), True
        logger.warning(
            "The model refused a prompt as too long; from now on its window counts as %d tokens, and each "
            "token counted here as %.2f.",
            self._known.tokens,
            self._known.scale,
        )


def request_size(
    messages: Sequence[AnyMessage], tools: Mapping[str, BaseTool], count: CountTokens, *, enough: int = 0
) -> int:
    """Return the tokens of a request; its bytes, if they are at most `enough`.

    A token has at least one byte, and bytes need no tokenizer.
    """
    texts = [*map(_text, messages), *map(_description, tools.values())]
    marks = MARKS * len(messages) + (AROUND_TOOLS if tools else 0)
    if (most := sum(len(text.encode("utf-8", "replace")) for text in texts) + marks) <= enough:
        return most
    return sum(map(count, texts)) + marks


def _description(tool: BaseTool) -> str:
    return json.dumps(convert_to_openai_tool(tool))


def _text(message: AnyMessage) -> str:
    calls = message.tool_calls if isinstance(message, AIMessage) else ()
    return "".join([message.text, *(f"{call['name']}{json.dumps(call['args'])}" for call in calls)])


@dataclass(frozen=True, slots=True)
class WindowShare:
    """Divides the window between tools, identity and facts, memory and message."""

    window: ModelWindow
    toolbox: Toolbox
    message_cap: int

    async def __call__(
        self, state: State, context: TurnContext, fixed: int, count: CountTokens, zone: tzinfo
    ) -> Space | None:
        """Return a turn's shares, given the tokens of identity and facts; None when the window is unknown."""
        window, turn = await self.window.current(), state["turn"]
        if window is None:
            return None
        tools = await self.toolbox.tools_for(turn) if context.tool_rounds else {}
        texts = [turn.message, *(part.text for part in turn.parts)]
        said = await count_aside(lambda: sum(map(count, texts)), texts)
        wanted = PromptSizes(
            reply=self.window.reply_cap,
            fixed=fixed,
            message=min(said, self.message_cap),
            around=count(render_message("", (), turn.at, zone)) + _FENCE * (1 + len(turn.parts)) + 2 * MARKS,
            memory=context.l3_minimum + context.l2_floor,
            tools=await self.window.tool_sizes(tools),
        )
        return split_window(window, wanted)
