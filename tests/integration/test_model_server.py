"""The test model server, as langchain-openai meets it."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import SecretStr

from tests.plugins import until
from tests.servers.faults import Fault
from tests.servers.model import ModelRequest, ModelServer, running_model_server
from tests.servers.openai_format import Reply, ToolCall

KEY = "sk-very-secret"
REPO = Path(__file__).parents[2]


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


async def test_the_pieces_are_spread_over_time(server: ModelServer, client: httpx.AsyncClient) -> None:
    server.reply("a b c d")
    server.delay_per_chunk = 0.05
    stream = chat(server, client).astream("hello")
    arrivals = [time.monotonic() async for chunk in stream if chunk.content]
    assert len(arrivals) == 4
    assert arrivals[-1] - arrivals[0] >= 0.1


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


async def test_a_reply_may_depend_on_the_request(server: ModelServer, client: httpx.AsyncClient) -> None:
    def recalled(request: ModelRequest) -> str:
        return "Rex" if "dog is called Rex" in request.prompt else "I do not know."

    server.reply(recalled)
    model = chat(server, client)
    assert (await model.ainvoke("My dog is called Rex. What is its name?")).content == "Rex"
    assert (await model.ainvoke("What is its name?")).content == "I do not know."


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


async def test_models_are_listed(server: ModelServer, client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{server.base_url}/models")
    assert [model["id"] for model in answer.json()["data"]] == ["test"]


async def test_embeddings_are_deterministic(server: ModelServer, client: httpx.AsyncClient) -> None:
    embedder = OpenAIEmbeddings(
        model="test",
        openai_api_base=server.base_url,
        openai_api_key=SecretStr(KEY),
        http_async_client=client,
        check_embedding_ctx_length=False,
    )
    first, same, other = await embedder.aembed_documents(["red fox", "red fox", "blue whale sings"])
    assert first == same != other
    assert sum(n * n for n in first) == pytest.approx(1.0)


@pytest.mark.parametrize(("given", "count"), [("red fox", 1), ([1, 2, 3], 1), ([[1, 2], [3]], 2)])
async def test_text_and_tokens_can_be_embedded(
    server: ModelServer, client: httpx.AsyncClient, given: object, count: int
) -> None:
    answer = await client.post(f"{server.base_url}/embeddings", json={"model": "test", "input": given})
    assert [item["index"] for item in answer.json()["data"]] == list(range(count))


async def test_a_dimension_may_be_asked_for(server: ModelServer, client: httpx.AsyncClient) -> None:
    body = {"model": "test", "input": "red fox", "dimensions": 8}
    answer = await client.post(f"{server.base_url}/embeddings", json=body)
    assert len(answer.json()["data"][0]["embedding"]) == 8


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff"])
async def test_a_bad_body_is_refused(server: ModelServer, client: httpx.AsyncClient, content: bytes) -> None:
    answer = await client.post(f"{server.base_url}/chat/completions", content=content)
    assert answer.status_code == 400
    assert "JSON" in answer.json()["error"]["message"]


@pytest.mark.parametrize("html", [False, True])
@pytest.mark.parametrize(
    ("code", "error"),
    [
        (401, openai.AuthenticationError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
    ],
)
async def test_a_status(
    server: ModelServer, client: httpx.AsyncClient, code: int, error: type[openai.APIStatusError], html: bool
) -> None:
    server.faults.append(Fault.status(code, html=html, retry_after=3))
    with pytest.raises(error) as raised:
        await chat(server, client).ainvoke("hello")
    assert raised.value.response.headers["retry-after"] == "3"
    assert ("html" in raised.value.response.headers["content-type"]) is html
    assert (await chat(server, client).ainvoke("hello")).content


async def test_a_fault_holds_for_so_many_requests(server: ModelServer, client: httpx.AsyncClient) -> None:
    server.faults.append(Fault.status(429, retry_after=0.01, times=2))
    answer = await chat(server, client, max_retries=2).ainvoke("hello")
    assert answer.content == "I see 1 messages. Last: hello"
    assert len(server.requests) == 3
    assert server.faults == []


async def test_a_refused_connection(server: ModelServer, client: httpx.AsyncClient) -> None:
    server.faults.append(Fault.refuse())
    with pytest.raises(openai.APIConnectionError):
        await chat(server, client).ainvoke("hello")
    assert await streamed(chat(server, client))


@pytest.mark.parametrize("stream", [False, True])
async def test_a_stalled_answer(server: ModelServer, client: httpx.AsyncClient, stream: bool) -> None:
    server.faults.append(Fault.stall(about="wait for ever"))
    with pytest.raises(openai.APITimeoutError):
        await chat(server, client, timeout=0.3, streaming=stream).ainvoke("wait for ever")
    assert (await chat(server, client).ainvoke("hello")).content


async def test_half_a_stream_breaks_off_after_some_text(
    server: ModelServer, client: httpx.AsyncClient
) -> None:
    server.reply("one two three four five six")
    server.faults.append(Fault.half())
    stream = aiter(chat(server, client).astream("hello"))
    assert [str((await anext(stream)).content) for _ in range(3)] == ["", "one ", "two "]
    with pytest.raises(openai.APIConnectionError):
        assert "six " not in [str(chunk.content) async for chunk in stream]


async def test_half_an_answer(server: ModelServer, client: httpx.AsyncClient) -> None:
    server.faults.append(Fault.half())
    with pytest.raises(openai.APIConnectionError):
        await chat(server, client).ainvoke("hello")


@pytest.mark.parametrize("stream", [False, True])
async def test_garbage(server: ModelServer, client: httpx.AsyncClient, stream: bool) -> None:
    server.faults.append(Fault.garbage())
    with pytest.raises(ValueError, match=r"codec can't decode|Expecting property name"):
        await chat(server, client, streaming=stream).ainvoke("hello")


@pytest.mark.parametrize("stream", [False, True])
async def test_an_empty_answer(server: ModelServer, client: httpx.AsyncClient, stream: bool) -> None:
    server.faults.append(Fault.empty())
    assert (await chat(server, client, streaming=stream).ainvoke("hello")).content == ""


async def test_a_slow_first_byte(server: ModelServer, client: httpx.AsyncClient) -> None:
    server.faults.append(Fault.slow(0.3))
    began = time.monotonic()
    assert await streamed(chat(server, client))
    assert time.monotonic() - began >= 0.3


async def test_stopping_does_not_wait_for_a_stalled_client(client: httpx.AsyncClient) -> None:
    with running_model_server() as server:
        server.faults.append(Fault.stall())
        waiting = asyncio.create_task(chat(server, client).ainvoke("hello"))
        await until(lambda: len(server.requests) == 1)
    with pytest.raises((openai.APIError, httpx.HTTPError)):
        await waiting


async def test_by_hand_it_prints_its_base_url(client: httpx.AsyncClient) -> None:
    command = [sys.executable, "-m", "tests.servers.model", "--reply", "salut"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=REPO)
    try:
        assert process.stdout is not None
        base_url = (await asyncio.wait_for(process.stdout.readline(), 100)).decode().strip()
        model = ChatOpenAI(
            model="test", base_url=base_url, api_key=SecretStr(KEY), http_async_client=client, max_retries=0
        )
        assert (await model.ainvoke("hello")).content == "salut"
    finally:
        process.terminate()
        await process.communicate()
