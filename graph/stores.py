"""Redis and the embedding model as they are configured; nothing connects or loads before it is used."""

from collections.abc import Callable
from pathlib import Path

from graph.settings import Settings
from memory.embedding.factory import open_embeddings
from memory.embedding.model import EmbeddingModel
from memory.working.client import RedisConnection
from memory.working.server import EmbeddedServer


def redis_connection(settings: Callable[[], Settings]) -> RedisConnection:
    """Describe the configured Redis, or the private embedded one when there is no URL."""

    def url() -> str:
        return settings().redis_url.get_secret_value()

    return RedisConnection(url, EmbeddedServer(lambda: settings().data_folder / "redis"))


def models_folder(settings: Settings) -> Path:
    """Return where the built-in embedding model's files are, and what is derived from a model alone."""
    return settings.data_folder / "models"


def embedding_model(settings: Settings) -> EmbeddingModel:
    """Choose the configured embedding model; nothing is loaded before its first use."""
    return open_embeddings(
        folder=lambda: models_folder(settings),
        threads=settings.embedding_threads,
        model=settings.embedding_model,
        base_url=settings.embedding_base_url,
        api_key=settings.embedding_api_key,
    )
