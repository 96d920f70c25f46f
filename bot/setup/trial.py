"""Test of a chat model: a reply, a tool call and the size of its context."""

import time
from contextlib import aclosing
from dataclasses import dataclass

from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.tools import BaseTool, tool

from graph.model.model_call import ChatModel
from graph.model.model_servers import fetch_window
from graph.settings.settings import Settings
from graph.tools.traits import arguments_schema
from memory.errors import ModelUnavailable
from memory.markup import parse_calls


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    seconds: float
    """Duration of its reply."""
    calls_tools: bool
    context: int
    """Context in tokens according to its server; 0 if unknown."""


async def try_model(settings: Settings) -> Trial:
    """Test the configured model, and ask its server for the context size.

    Raises:
        ModelUnavailable: there is no reply; the message says what to do.
    """
    async with aclosing(ChatModel(settings)) as model:
        began = time.perf_counter()
        await try_reply(model)
        seconds = time.perf_counter() - began
        return Trial(seconds=seconds, calls_tools=await _calls_tools(model), context=await _context(settings))


async def try_reply(model: ChatModel) -> None:
    """Ask the model for a word.

    Raises:
        ModelUnavailable: there is no reply; the message says what to do.
    """
    if not (await _reply(model, "Say: ok")).text.strip():
        raise ModelUnavailable(f"{model.name} gives an empty answer. Check GOAT_MODEL.")


@tool
def clock() -> str:
    """Tell what time it is."""
    return "12:00"


async def _calls_tools(model: ChatModel) -> bool:
    """Return whether the model calls a tool on request, possibly as text."""
    try:
        reply = await _reply(model, "What time is it? Call the tool `clock`, which knows.", clock)
    except ModelUnavailable:
        return False
    return bool(reply.tool_calls or parse_calls(reply.text, {clock.name: arguments_schema(clock)}).calls)


async def _context(settings: Settings) -> int:
    """Ask the server, which knows once the model is loaded; OpenAI does not report it."""
    if not settings.model_base_url:
        return 0
    key = settings.model_api_key.get_secret_value()
    return (await fetch_window(settings.model_base_url, settings.model, key)).tokens


async def _reply(model: ChatModel, message: str, *tools: BaseTool) -> AIMessageChunk:
    chunks = [chunk async for chunk in model.stream([HumanMessage(message)], tools)]
    return add_ai_message_chunks(*chunks) if chunks else AIMessageChunk(content="")
