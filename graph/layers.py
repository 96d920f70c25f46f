"""Stores, model, tools and telemetry, bound to settings; each connects on first use."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, tzinfo
from functools import cached_property, partial
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from langchain_core.tools import BaseTool
from tzlocal import get_localzone

from graph.delegation.delegation import Delegation
from graph.model.model_call import ChatModel, ModelCall, StopSignals
from graph.model.model_window import ModelWindow
from graph.model.token_meter import BudgetGuard, TokenMeter
from graph.observability.log_reader import read_logs
from graph.observability.telemetry import Telemetry
from graph.observability.turn_recorder import TurnRecorder
from graph.settings.settings import Settings
from graph.state.circumstances import TurnReader
from graph.stores import embedding_model, models_folder, owner_tables, redis_connection
from graph.tools.memory_tools import MemoryTools
from graph.tools.plugins.plugin_registry import PluginRegistry
from graph.tools.plugins.services import PluginServices, SettingsView
from graph.tools.tool_runner import ToolRunner
from graph.tools.traits import Toolbox
from graph.tuning.live_settings import LiveSettings
from memory.concurrency.tasks import Background
from memory.episodic.episode_archive import EpisodeArchive
from memory.episodic.log.feedback_log import FeedbackLog, LabelLog
from memory.episodic.log.observation_log import ObservationLog
from memory.episodic.vectors.vector_backend import ChromaLocation
from memory.episodic.vectors.vector_index import VectorIndex
from memory.errors import ConfigError, MemoryTierError
from memory.markup import parse_calls
from memory.owners.erasures import Erasures
from memory.permanent.embedded_store import EmbeddedPermanentStore
from memory.permanent.letta.letta_store import LettaAddress, LettaPermanentStore
from memory.permanent.permanent_records import PermanentStore
from memory.prompt.prompt import escape_fences
from memory.prompt.token_budget import TokenCounter
from memory.recall.mechanisms import warm_up
from memory.reminders.redis_reminders import RedisReminders
from memory.working.redis_cache import RedisSessionCache, RedisToolCache
from memory.working.redis_conversation import RedisConversation
from memory.working.redis_journal import RedisJournal
from memory.working.redis_metrics import RedisMetrics
from memory.working.redis_usage import DayBudget, RedisUsage
from nodes.prefetch import Prefetch
from nodes.tools import Tools
from nodes.turn_writer import TurnWriter

logger = logging.getLogger(__name__)


class Layers:
    """Everything outside the graph that its nodes use; each part connects on first use."""

    def __init__(self, settings: Settings, *, follow: bool = False) -> None:
        """Bind to settings; with `follow`, tuned settings are reloaded from their files before each turn."""
        self.settings = settings
        self.live = LiveSettings(settings, follow=follow)
        self.zone = _zone(settings.timezone)
        """The user's time zone."""
        self.stops = StopSignals()
        self.telemetry = Telemetry(settings)
        self.background = Background()
        self._build_memory(settings)
        self._build_model(settings)

    def _build_memory(self, settings: Settings) -> None:
        folder = settings.data_folder
        self.files = owner_tables(settings)
        self.erasures = Erasures(folder / "erasing")
        self.tokens = TokenCounter()
        self.embeddings = embedding_model(settings)
        self.vectors = VectorIndex(ChromaLocation(folder=folder / "chroma", url=settings.chroma_url))
        self.episodes = EpisodeArchive(self.files, self.vectors, self.embeddings, models_folder(settings))
        self.feedback = FeedbackLog(self.files)
        self.labels = LabelLog(self.files)
        self.observations = ObservationLog(self.files)
        self.embedded_permanent = EmbeddedPermanentStore(
            self.files, count_tokens=self.tokens, max_tokens=settings.facts_cap
        )
        self.letta_permanent = LettaPermanentStore(
            LettaAddress(settings.letta_url, settings.letta_token, settings.letta_timeout),
            count_tokens=self.tokens,
            max_tokens=settings.facts_cap,
            lock_folder=folder / "locks",
        )
        letta = bool(settings.letta_url.get_secret_value())
        self.permanent: PermanentStore = self.letta_permanent if letta else self.embedded_permanent
        self.redis = redis_connection(settings)
        self.conversations = RedisConversation(self.redis.client)
        self.cache = RedisSessionCache(self.redis.client)
        self.writer = TurnWriter(self.episodes, self.conversations, self.cache, self.tokens)
        self.tool_cache = RedisToolCache(self.redis.client)
        self.journal = RedisJournal(self.redis.client)
        self.metrics = RedisMetrics(self.redis.client)
        self.reminders = RedisReminders(self.redis.client)
        self.usage = RedisUsage(self.redis.client)
        self.meter = TokenMeter(self.usage, self.tokens, self.zone, partial(datetime.now, UTC))
        self.recorder = TurnRecorder(self.observations, self.metrics, settings.log_text, self.zone)

    def _build_model(self, settings: Settings) -> None:
        self.model = ChatModel(settings)
        self.window = ModelWindow(settings, self.tokens)
        self.ask = ModelCall(self.model, self.stops, settings.model_timeout, self.window, self.meter)
        services = PluginServices(
            settings=SettingsView(settings), read_metrics=self.metrics.read, read_logs=self.read_logs
        )
        self.plugins = PluginRegistry(settings, services)
        self.tool_runner = ToolRunner(self.plugins.isolation, settings.tool_timeout, settings.tool_output_cap)
        self.toolbox = Toolbox(self._own_tools, self.plugins.tools, settings.owner)
        self.delegation = Delegation(
            settings=settings,
            client=self.redis.client,
            ask=self.ask,
            call_tools=Tools(self.toolbox, self.tool_runner, self.tool_cache, self.stops),
            writer=self.writer,
        )
        self.turns = TurnReader(settings.owner, partial(datetime.now, UTC))

    @cached_property
    def prefetch(self) -> Prefetch:
        """The turn's search, which may begin before its first node."""
        return Prefetch(self.turns, self.episodes, self.cache, self.zone, self.background)

    @property
    def guard(self) -> BudgetGuard:
        """The day's budget of the settings."""
        budget = DayBudget(self.settings.telegram_budget_tokens, self.settings.telegram_budget_requests)
        return BudgetGuard(self.usage, self.meter, budget)

    async def read_logs(self, *, limit: int, level: str) -> list[str]:
        """Return the log's latest lines of at least `level`, oldest first.

        Raises:
            ValueError: the level does not exist.
        """
        lines = await asyncio.to_thread(read_logs, self.settings, limit, level)
        return [f"{line.at} {line.level} {line.logger}: {line.message}" for line in lines]

    def _own_tools(self) -> list[BaseTool]:
        tools = MemoryTools(
            self.episodes,
            self.permanent,
            self.cache,
            self.zone,
            self.settings.facts_cap,
            self.tokens,
            self.live.calibration,
        )
        return [*tools.all(), *self.delegation.tools()]

    async def warm_up(self, owner: str) -> None:
        """Load what the owner's first turn needs: patterns, models, clients.

        Raises:
            MemoryTierError, DataFolderError: something cannot be loaded; the turn will report it too.
        """
        await self.tokens.ready()
        await asyncio.gather(
            self.redis.client(),
            self.episodes.ready(owner=owner),
            self.model.ready(),
            self.window.current(),
            asyncio.to_thread(_load_words),
            self.plugins.tools(),
            self._permanent_ready(owner),
        )

    async def _permanent_ready(self, owner: str) -> None:
        """Connect to Letta and find the owner's agent; the turn will report a failure."""
        if self.settings.letta_url.get_secret_value():
            with contextlib.suppress(MemoryTierError):
                await self.permanent.facts(owner=owner)

    async def reconcile(self) -> None:
        """Embed the episodes that have no vectors yet, for every owner; failures are logged."""
        async for progress in self.episodes.reconcile():
            if progress.error is not None:
                logger.warning("The vectors of an owner are not up to date: %s", progress.error)

    async def close(self) -> None:
        """Close everything that was opened; a failure does not stop the rest."""
        async with AsyncExitStack() as stack:
            for close in (
                self.redis.close,
                self.model.aclose,
                self.embeddings.aclose,
                self.files.close,
                self.plugins.aclose,
                self.letta_permanent.aclose,
            ):
                stack.push_async_callback(close)
            stack.push_async_callback(self.background.end)
            stack.push_async_callback(self.episodes.close)
            stack.push_async_callback(self.telemetry.close)
            stack.push_async_callback(self.recorder.flush)
            stack.push_async_callback(self.meter.flush)
            stack.push_async_callback(self.delegation.aclose)


def _zone(name: str) -> tzinfo:
    """Return a time zone; with an empty name, the machine's.

    Raises:
        ConfigError: the machine's has no name of the IANA.
    """
    try:
        return ZoneInfo(name) if name else get_localzone()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(
            "This machine's time zone (TZ, /etc/timezone) has no name such as Europe/Bucharest. Correct it, "
            "or set GOAT_TIMEZONE to a name."
        ) from None


def _load_words() -> None:
    """Compile the patterns for messages, fences and calls in text."""
    warm_up()
    escape_fences("")
    parse_calls("", {})


@asynccontextmanager
async def open_layers(settings: Settings) -> AsyncIterator[Layers]:
    """Open the layers with given settings, and close them after the block."""
    layers = Layers(settings)
    try:
        yield layers
    finally:
        await layers.close()
