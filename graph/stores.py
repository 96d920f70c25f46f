"""Redis and the embedding model from settings; nothing connects or loads before its first use."""

from pathlib import Path

from graph.settings.settings import Settings
from memory.embedding.e5 import E5Embeddings
from memory.embedding.embedding_endpoint import EndpointEmbeddings
from memory.embedding.embedding_model import EmbeddingModel, Endpoint
from memory.working.embedded_server import EmbeddedServer
from memory.working.redis_connection import RedisConnection


def redis_connection(settings: Settings) -> RedisConnection:
    """Return the configured Redis, or the embedded one without a URL."""
    server = EmbeddedServer(settings.data_folder / "redis")
    return RedisConnection(settings.redis_url.get_secret_value(), server)


def models_folder(settings: Settings) -> Path:
    """Return the folder of the built-in embedding model's files and data derived from them."""
    return settings.data_folder / "models"


def embedding_model(settings: Settings) -> EmbeddingModel:
    """Return the configured embedding model."""
    if not settings.embedding_model:
        return E5Embeddings(models_folder(settings), threads=settings.embedding_threads)
    return EndpointEmbeddings(
        Endpoint(settings.embedding_model, settings.embedding_base_url, settings.embedding_api_key)
    )
