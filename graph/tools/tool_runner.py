"""Runs of single tool calls, from the arguments to the text shown to the model."""

import logging
import time
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool, ToolException

from graph.exchange import Call
from graph.tools.caller import Caller
from graph.tools.isolation import PluginIsolation
from graph.tools.traits import traits_of
from memory.concurrency.tasks import within
from memory.errors import GoatError
from memory.text.text import clean, shortened

NO_OUTPUT = "(no output)"
_LONGEST_ERROR = 1000
_LONGEST_LOGGED = 10_000
"""Characters of the longest error logged with its traceback, which repeats it."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    text: str
    ok: bool
    attachments: tuple[str, ...] = ()
    """Paths of files for the chat."""
    milliseconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ToolRunner:
    """Runs calls with a time limit and an output cap; errors become outputs."""

    isolation: PluginIsolation
    seconds: float
    cap: int
    """The most characters of an output."""

    async def __call__(self, tool: BaseTool, call: Call, caller: Caller) -> Output:
        """Run a call; the tool checks its arguments."""
        began = time.perf_counter()
        seconds = traits_of(tool).seconds or self.seconds
        text, ok, attachments = await self._invoke(tool, call, caller, seconds)
        return Output(
            text=clean(shortened(text, self.cap)) or NO_OUTPUT,
            ok=ok,
            attachments=attachments,
            milliseconds=round((time.perf_counter() - began) * 1000, 1),
        )

    async def _invoke(
        self, tool: BaseTool, call: Call, caller: Caller, seconds: float
    ) -> tuple[str, bool, tuple[str, ...]]:
        asked = {"type": "tool_call", "id": call.key, "name": call.name, "args": call.arguments}
        try:
            message = await self._run(tool, asked, caller, seconds)
        except TimeoutError:
            return f"{tool.name} was not done within {seconds:g} s, and was left.", False, ()
        except (ToolException, GoatError, LookupError, ValueError) as error:
            return f"{tool.name} failed: {shortened(str(error), _LONGEST_ERROR)}", False, ()
        except Exception as error:  # a plugin may raise anything: the turn goes on
            words = str(error)
            problem = f"{type(error).__name__}: {shortened(words, _LONGEST_ERROR)}"
            if not caller.turn.private:
                trace = error if len(words) <= _LONGEST_LOGGED else None
                logger.log(logging.ERROR, "The tool %s failed: %s", tool.name, problem, exc_info=trace)
            return f"{tool.name} failed: {problem}", False, ()
        return _read(message)

    async def _run(self, tool: BaseTool, asked: dict[str, Any], caller: Caller, seconds: float) -> Any:
        if traits_of(tool).isolated:
            return await self.isolation.run(tool, asked, caller, seconds)
        return await within(tool.ainvoke(asked, caller.config()), seconds)


def _read(message: Any) -> tuple[str, bool, tuple[str, ...]]:
    """Return a result's text, whether the tool succeeded, and the paths in its artifact: one or a list."""
    if not isinstance(message, ToolMessage):
        return str(message), True, ()
    paths = message.artifact if isinstance(message.artifact, list | tuple) else [message.artifact]
    return message.text, message.status != "error", tuple(str(path) for path in paths if path)
