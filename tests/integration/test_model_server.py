"""The test model server, as langchain-openai meets it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from tests.servers.faults import Fault
from tests.servers.model import ModelServer, running_model_server
from tests.servers.openai_format import Reply, ToolCall

KEY = "sk-very-secret"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with running_model_server() as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


def chat(server: ModelServer, client: httpx.AsyncClient, **options: Any) -> ChatOpenAI:
    settings: dict[str, Any] = {"max_retries": 0, "timeout": 100, "http_async_client": client} | options
    return ChatOpenAI(model="test", base_url=server.base_url, api_key=SecretStr(KEY), **settings)


async def streamed(model: ChatOpenAI, message: str = "hello") -> list[str]:
    return [str(chunk.content) async for chunk in model.astream(message)]


async def test_the_echo_tells_the_messages_and_the_last(
    server: ModelServer, client: httpx.AsyncClient
) -> None:
    answer = await chat(server, client).ainvoke([SystemMessage("Be kind."), HumanMessage("ce mai faci?")])
    assert answer.content == "I see 2 messages. Last: ce mai faci?"
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] > 0
    assert answer.response_metadata["finish_reason"] == "stop"


async def test_a_stream_comes_in_pieces_and_tells_its_usage(
    server: ModelServer, client: httpx.AsyncClient
) -> None:
    server.reply("one two  three\nfour ")
    chunks = [c async for c in chat(server, client, stream_usage=True).astream("hello")]
    assert "".join(str(c.content) for c in chunks) == "one two  three\nfour "
    assert len([c for c in chunks if c.content]) > 3
    assert [c.usage_metadata["output_tokens"] for c in chunks if c.usage_metadata] == [4]


async def test_a_piece_waits_until_it_is_let_go(server: ModelServer, client: httpx.AsyncClient) -> None:
    server.reply("one two three")
    server.hold_before = "two"
    stream = aiter(chat(server, client).astream("hello"))
    assert [str((await anext(stream)).content) for _ in range(2)] == ["", "one "]
    waiting = asyncio.ensure_future(anext(stream))
    server.hold_before, server.delay_per_chunk = "", 600
    server.delay_per_chunk = 0
    assert (await waiting).content == "two "
    assert "three" in [chunk.content async for chunk in stream]


async def test_requests_are_recorded_without_the_key(server: ModelServer, client: httpx.AsyncClient) -> None:
    await streamed(chat(server, client), "remember me")
    (request,) = server.chats
    assert request.messages == [{"role": "user", "content": "remember me"}]
    assert request.streamed
    assert request.last == "remember me"
    assert KEY not in str(request.headers)
    assert "user-agent" in request.headers


@pytest.mark.parametrize("stream", [False, True])
async def test_tool_calls_pass_through(server: ModelServer, client: httpx.AsyncClient, stream: bool) -> None:
    @tool
    def weather(city: str) -> str:
        """Tell the weather."""
        return f"rain in {city}"

    server.reply(Reply(tool_calls=(ToolCall("weather", {"city": "Cluj"}),)))
    bound = chat(server, client, streaming=stream).bind_tools([weather])
    answer = await bound.ainvoke("What is the weather in Cluj?")
    assert isinstance(answer, AIMessage)
    assert [(c["name"], c["args"]) for c in answer.tool_calls] == [("weather", {"city": "Cluj"})]
    assert server.requests[0].body["tools"][0]["function"]["name"] == "weather"


async def test_half_a_stream_breaks_off_after_some_text(
    server: ModelServer, client: httpx.AsyncClient
) -> None:
    server.reply("one two three four five six")
    server.faults.append(Fault.half())
    stream = aiter(chat(server, client).astream("hello"))
    assert [str((await anext(stream)).content) for _ in range(3)] == ["", "one ", "two "]
    with pytest.raises(openai.APIConnectionError):
        assert "six " not in [str(chunk.content) async for chunk in stream]
