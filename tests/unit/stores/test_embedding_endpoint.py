"""An embedding model at an OpenAI-compatible endpoint."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from memory.embedding.embedding_endpoint import EmbeddingEndpoint, EndpointEmbeddings
from memory.embedding.embedding_model import EmbeddingModel
from memory.errors import MemoryTierError, TierCorrupt, TierUnavailable
from tests.servers import openai_format
from tests.servers.faults import Fault
from tests.servers.model import ModelServer

KEY = "sk-very-secret"
SECRET = SecretStr(KEY)


@pytest.fixture
async def embeddings(model: ModelServer) -> AsyncIterator[EmbeddingModel]:
    opened = open_at(model.base_url)
    yield opened
    await opened.aclose()


def open_at(base_url: str, timeout: float = 60) -> EmbeddingModel:
    return EndpointEmbeddings(EmbeddingEndpoint("some-model", base_url, SECRET, timeout))


async def test_a_vector_for_each_text_in_order(embeddings: EmbeddingModel, model: ModelServer) -> None:
    assert embeddings.name == "endpoint:some-model"
    assert embeddings.dimension is None
    texts = [f"text {n}" for n in range(150)]
    vectors = await embeddings.aembed_documents(texts)
    assert embeddings.dimension == len(vectors[0]) == 64
    assert await embeddings.aembed_query("text 149") == vectors[149]
    assert {request.body["model"] for request in model.requests} == {"some-model"}


async def test_a_vector_of_any_length_is_scaled_to_one(
    embeddings: EmbeddingModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else similarities far above 1 made everything look relevant."""
    unit = await embeddings.aembed_query("a white goat")
    vector = openai_format.vector
    monkeypatch.setattr(openai_format, "vector", lambda words, size: [12 * n for n in vector(words, size)])
    assert await embeddings.aembed_query("a white goat") == pytest.approx(unit)


async def test_texts_are_made_sendable(embeddings: EmbeddingModel, model: ModelServer) -> None:
    await embeddings.aembed_documents(["", " \0", "\ud800", "word " * 100_000])
    sent = model.requests[0].body["input"]
    assert sent[:2] == ["-", "-"]
    assert all(isinstance(text, str) and 0 < len(text) <= 2000 for text in sent)


async def test_parts_are_small_enough_for_any_endpoint(embeddings: EmbeddingModel) -> None:
    text = "Ein Satz, der nicht endet, und 文字 dazu. " * 500
    spans = embeddings.split_offsets(text)
    assert (spans[0][0], spans[-1][1]) == (0, len(text))
    assert all(len(text[start:end].encode()) <= 2000 for start, end in spans)


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        (Fault.status(401, times=9), TierUnavailable, "GOAT_EMBEDDING_API_KEY"),
        (Fault.status(404, times=9), TierUnavailable, "GOAT_EMBEDDING_MODEL"),
        (Fault.status(400, html=True, times=9), TierUnavailable, "status 400"),
        (Fault.status(503, times=9), TierUnavailable, "status 503"),
        (Fault.refuse(times=9), TierUnavailable, "cannot be reached"),
        (Fault.garbage(times=9), TierCorrupt, "not an embedding"),
    ],
)
async def test_errors_say_what_to_do_and_hold_no_key(
    embeddings: EmbeddingModel, model: ModelServer, fault: Fault, error: type[MemoryTierError], said: str
) -> None:
    model.faults.append(fault)
    with pytest.raises(error, match=said) as caught:
        await embeddings.aembed_query("hello")
    assert caught.value.tier == "episodic"
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_key_that_no_request_can_carry_is_named_and_not_shown(model: ModelServer) -> None:
    key = SecretStr("sk-\u2026secret")
    embeddings = EndpointEmbeddings(EmbeddingEndpoint("some-model", model.base_url, key, 60))
    with pytest.raises(TierUnavailable, match="GOAT_EMBEDDING_API_KEY contains") as caught:
        await embeddings.aembed_query("hello")
    assert "secret" not in str(caught.value)
    await embeddings.aclose()


async def test_an_endpoint_that_hangs_is_given_up(model: ModelServer) -> None:
    model.faults.append(Fault.stall(times=9))
    embeddings = open_at(model.base_url, timeout=0.2)
    with pytest.raises(TierUnavailable, match=r"within 0\.2 s"):
        await embeddings.aembed_query("hello")
    await embeddings.aclose()


async def test_certificates_that_cannot_be_read_are_named_and_read_again(
    embeddings: EmbeddingModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setenv("SSL_CERT_FILE", "/nowhere/certificates.pem")
        with pytest.raises(TierUnavailable, match="SSL_CERT_FILE"):
            await embeddings.aembed_query("hello")
    assert len(await embeddings.aembed_query("hello")) == 64


async def test_one_failure_is_tried_again(embeddings: EmbeddingModel, model: ModelServer) -> None:
    model.faults.append(Fault.status(503))
    assert len(await embeddings.aembed_query("hello")) == 64


async def test_the_address_is_shown_without_its_secret() -> None:
    model = open_at("http://user:hunter2@127.0.0.1:9/v1")
    with pytest.raises(TierUnavailable) as caught:
        await model.aembed_query("hello")
    assert "hunter2" not in str(caught.value)
    await model.aclose()


async def test_a_search_that_outlives_the_agent_ends_quietly(
    embeddings: EmbeddingModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(embeddings, EndpointEmbeddings)
    client = await embeddings._clients.client()
    await client.aclose()

    async def closed() -> object:
        return client

    monkeypatch.setattr(type(embeddings._clients), "client", lambda _: closed())
    with pytest.raises(TierUnavailable, match="has been closed"):
        await embeddings.aembed_query("boat")
