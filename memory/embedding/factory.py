"""The embedding model that the configuration asks for."""

import importlib
from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from memory.embedding.endpoint import TIMEOUT, Endpoint, EndpointEmbeddings
from memory.embedding.model import EmbeddingModel


def open_embeddings(
    *,
    folder: Callable[[], Path],
    threads: int = 1,
    model: str = "",
    base_url: str = "",
    api_key: SecretStr | None = None,
    timeout: float = TIMEOUT,
) -> EmbeddingModel:
    """Choose the model; nothing is loaded, built or reached before its first use.

    Args:
        folder: answers the folder to keep the built-in model's files in.
        threads: processor threads for one text of the built-in model.
        model: a model's name at an OpenAI-compatible endpoint; empty for the built-in one.
        base_url: the endpoint; empty for OpenAI's.
        api_key: the endpoint's key, if it asks for one.
        timeout: seconds to wait for the endpoint.
    """
    if model:
        return EndpointEmbeddings(Endpoint(model, base_url, api_key or SecretStr(""), timeout))
    e5 = importlib.import_module("memory.embedding.e5")  # onnxruntime is slow to import
    built_in: EmbeddingModel = e5.E5Embeddings(folder, threads=threads)
    return built_in
