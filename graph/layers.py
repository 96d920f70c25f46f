"""The layers of memory and all else outside the process, bound once; nothing connects before it is used."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, tzinfo
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from tzlocal import get_localzone

from graph.chat_model import ChatModel, ConfiguredChatModel
from graph.settings import Settings
from graph.stop import StopSignals
from graph.turn import TurnReader
from memory.embedding.factory import open_embeddings
from memory.embedding.lazy import LazyEmbeddings
from memory.embedding.model import EmbeddingModel
from memory.episodic.feedback import FeedbackLog
from memory.episodic.store import EpisodeArchive
from memory.episodic.vectors import VectorIndex
from memory.owner_files import OwnerFiles
from memory.permanent.embedded import EmbeddedPermanentStore
from memory.query import warm_up
from memory.tokens import TokenCounter
from memory.working.client import RedisConnection
from memory.working.conversation import RedisConversation
from memory.working.server import EmbeddedServer
from memory.working.session_cache import RedisSessionCache
from memory.working.tool_cache import RedisToolCache

logger = logging.getLogger(__name__)


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


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


class Layers:
    """What the nodes read and write; `settings` is called once, when something is first used."""

    def __init__(self, load_settings: Callable[[], Settings]) -> None:
        self.settings = settings = cache(load_settings)
        self._zone: tzinfo | None = None
        self.redis = redis_connection(settings)
        self.files = OwnerFiles(lambda: settings().data_folder / "owners")
        self.tokens = TokenCounter()
        self.embeddings = LazyEmbeddings(lambda: embedding_model(settings()))
        self.vectors = VectorIndex(lambda: settings().data_folder / "chroma", settings)
        self.episodes = EpisodeArchive(
            self.files, self.vectors, self.embeddings, lambda: models_folder(settings())
        )
        self.feedback = FeedbackLog(self.files)
        self.permanent = EmbeddedPermanentStore(
            self.files, count_tokens=self.tokens, max_tokens=lambda: settings().facts_cap
        )
        self.conversations = RedisConversation(self.redis.client)
        self.cache = RedisSessionCache(self.redis.client)
        self.tool_cache = RedisToolCache(self.redis.client)
        self.model: ChatModel = ConfiguredChatModel(settings)
        self.stops = StopSignals()
        self.turns = TurnReader(lambda: settings().owner, utc_now)

    def persona(self) -> str:
        """Return the configured identity."""
        return self.settings().identity

    def message_cap(self) -> int:
        """Return the most tokens of one message that the model is shown."""
        return self.settings().message_cap

    def model_timeout(self) -> float:
        """Return the seconds without a word after which the model counts as stalled."""
        return self.settings().model_timeout

    async def zone(self) -> tzinfo:
        """Return the user's time zone; read off the event loop, once."""
        if self._zone is None:
            name = self.settings().timezone
            self._zone = (
                await asyncio.to_thread(ZoneInfo, name) if name else await asyncio.to_thread(get_localzone)
            )
        return self._zone

    async def warm_up(self, owner: str) -> None:
        """Load what the owner's first turn would wait for: vocabulary, models, vector database.

        Raises:
            MemoryTierError, DataFolderError: something cannot be loaded; the turn will say so too.
        """
        await self.tokens.ready()
        await asyncio.gather(self.episodes.ready(owner=owner), self.model.ready(), asyncio.to_thread(warm_up))

    async def reconcile(self) -> None:
        """Bring the vectors of every owner up to date with the log; what fails is logged."""
        async for progress in self.episodes.reconcile():
            if progress.error is not None:
                logger.warning("The vectors of an owner are not up to date: %s", progress.error)

    async def close(self) -> None:
        """Close whatever was opened; what cannot be closed does not keep the rest open."""
        async with AsyncExitStack() as stack:
            for close in (self.redis.close, self.model.aclose, self.embeddings.aclose, self.files.close):
                stack.push_async_callback(close)
            stack.push_async_callback(self.episodes.close)
