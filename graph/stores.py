"""Databases and the embedding model from settings; nothing connects or loads before its first use."""

from pathlib import Path

from pydantic import SecretStr

from graph.settings.extras import is_installed, missing_message
from graph.settings.settings import Settings
from memory.database import OwnerTables
from memory.embedding.e5 import E5Embeddings
from memory.embedding.embedding_endpoint import EmbeddingEndpoint, EndpointEmbeddings
from memory.embedding.embedding_model import EmbeddingModel
from memory.errors import ConfigError
from memory.owners.owner_files import OwnerFiles
from memory.working.embedded_server import EmbeddedServer
from memory.working.redis_connection import RedisConnection


def redis_connection(settings: Settings) -> RedisConnection:
    """Return the configured Redis, or the embedded one without a URL."""
    server = EmbeddedServer(settings.data_folder / "redis")
    return RedisConnection(settings.redis_url.get_secret_value(), server)


def owner_tables(settings: Settings) -> OwnerTables:
    """Return the configured PostgreSQL, or the folder of owners' files without a URL.

    Raises:
        ConfigError: the URL cannot be read, Chroma has none, or the client of PostgreSQL is not installed.
    """
    if not settings.archive_url.get_secret_value():
        return owner_files(settings.data_folder)
    if not settings.chroma_url.get_secret_value():
        raise ConfigError(
            "GOAT_ARCHIVE_URL needs GOAT_CHROMA_URL: other machines would not see the vectors in this folder."
        )
    return owner_partitions(settings.archive_url)


def owner_files(data_folder: Path) -> OwnerFiles:
    """Return the owners' files of a data folder."""
    return OwnerFiles(data_folder / "owners")


def owner_partitions(url: SecretStr) -> OwnerTables:
    """Return the owners' tables in a PostgreSQL.

    Raises:
        ConfigError: the URL cannot be read, or the client of PostgreSQL is not installed.
    """
    if not is_installed("postgres"):
        raise ConfigError(f"The archive is in PostgreSQL. {missing_message('postgres')}")
    from memory.owners.owner_partitions import OwnerPartitions  # noqa: PLC0415 - an extra

    return OwnerPartitions(url)


def models_folder(settings: Settings) -> Path:
    """Return the folder of the built-in embedding model's files and data derived from them."""
    return settings.data_folder / "models"


def embedding_model(settings: Settings) -> EmbeddingModel:
    if not settings.embedding_model:
        return E5Embeddings(models_folder(settings), threads=settings.embedding_threads)
    return EndpointEmbeddings(
        EmbeddingEndpoint(settings.embedding_model, settings.embedding_base_url, settings.embedding_api_key)
    )
