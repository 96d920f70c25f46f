"""Try a chat model as the agent will use it: a reply, a call of a tool, the size of its context."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.tools import BaseTool, tool

from graph.model.chat_model import ChatModel, ConfiguredChatModel
from graph.model.model_servers import ask_window
from graph.settings.settings import Settings
from graph.tools.traits import arguments_schema
from memory.errors import ModelUnavailable
from memory.markup import parse_calls


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a model can do."""

    seconds: float
    """That its reply took."""
    calls_tools: bool
    context: int
    """Tokens that its server says it holds; 0: it does not say."""


async def try_model(settings: Settings) -> Trial:
    """Ask the model of the settings for a reply, and to call a tool, and its server how much it holds.

    Raises:
        ModelUnavailable: it gives no reply; says why and what to do.
    """
    async with _opened(settings) as model:
        began = time.perf_counter()
        await try_reply(model)
        seconds = time.perf_counter() - began
        return Trial(seconds=seconds, calls_tools=await _calls_tools(model), context=await _context(settings))


async def try_reply(model: ChatModel) -> None:
    """Ask for a word.

    Raises:
        ModelUnavailable: none is given; says why and what to do.
    """
    if not (await _said(model, "Say: ok")).text.strip():
        raise ModelUnavailable(f"{model.name} gives an empty answer. Check GOAT_MODEL.")


@tool
def clock() -> str:
    """Tell what time it is."""
    return "12:00"


async def _calls_tools(model: ChatModel) -> bool:
    """Say whether the model calls a tool when it is asked to, be it in its text."""
    try:
        said = await _said(model, "What time is it? Call the tool `clock`, which knows.", clock)
    except ModelUnavailable:
        return False
    return bool(said.tool_calls or parse_calls(said.text, {clock.name: arguments_schema(clock)}).calls)


async def _context(settings: Settings) -> int:
    """Ask the server, which knows for sure now that the model is loaded; OpenAI's does not tell."""
    if not settings.model_base_url:
        return 0
    key = settings.model_api_key.get_secret_value()
    return (await ask_window(settings.model_base_url, settings.model, key)).tokens


async def _said(model: ChatModel, message: str, *tools: BaseTool) -> AIMessageChunk:
    chunks = [chunk async for chunk in model.stream([HumanMessage(message)], tools)]
    return add_ai_message_chunks(*chunks) if chunks else AIMessageChunk(content="")


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[ChatModel]:
    model = ConfiguredChatModel(settings)
    try:
        yield model
    finally:
        await model.aclose()
