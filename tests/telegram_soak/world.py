"""The environment of a bot's processes: Telegram, a model, and a data folder."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from bot.telegram.access.access import Access
from bot.telegram.inbox.lanes import Lanes
from bot.telegram.turn_records import BotKeys
from graph.layers import Layers
from graph.settings.settings import Settings
from graph.settings.telegram_settings import GroupPolicy
from tests.crash.trial import kill_server
from tests.nursery import ROOT, Nursery
from tests.servers.redis import free_ports
from tests.servers.telegram import RemoteBotApi
from tests.telegram_soak import stock
from tests.telegram_soak.crew import Crew
from tests.telegram_soak.layouts import Layout
from tests.telegram_soak.model import Model, RunningModel
from tests.telegram_soak.script import Chat
from tests.telegram_soak.shared_servers import SharedServers, running_servers

_SECRET = "a-secret-of-the-webhook"
_FIELDS = (
    "data_folder",
    "timezone",
    "model",
    "model_base_url",
    "model_timeout",
    "telegram_api",
    "telegram_rate",
    "telegram_groups",
    "telegram_webhook",
    "telegram_listen",
)


@dataclass(frozen=True, slots=True)
class World:
    """A running bot and its environment."""

    api: RemoteBotApi
    model: Model
    crew: Crew
    settings: Settings
    layers: Layers
    servers: SharedServers | None

    @property
    def keys(self) -> BotKeys:
        return BotKeys(self.bot_id)

    @property
    def bot_id(self) -> int:
        return int(self.settings.telegram_token.get_secret_value().partition(":")[0])

    def kill_server(self) -> bool:
        """Kill the embedded Redis server, or one of the shared ones; return False if none could be."""
        return self.servers.kill_one() if self.servers else kill_server(self.settings.data_folder)

    @property
    def lanes(self) -> Lanes:
        return Lanes(self.layers.redis.client, self.keys)


@contextlib.asynccontextmanager
async def running_world(
    nursery: Nursery, layout: Layout, folder: Path, chats: Sequence[Chat], *, seed: int
) -> AsyncIterator[World]:
    """Run a bot that everybody in the chats may use, during the block."""
    await asyncio.to_thread(folder.mkdir, parents=True)
    shared = running_servers(folder / "servers", seed) if layout.servers else contextlib.nullcontext()
    with _bot_api(seed, folder / "telegram.log") as api, RunningModel() as model, shared as servers:
        settings = _settings(layout, folder, api, model, servers)
        crew = Crew(nursery, layout, _environment(settings), folder)
        world = World(api, model, crew, settings, Layers(settings), servers)
        try:
            await _let_in(world, chats)
            crew.start()
            yield world
        finally:
            crew.stop()
            await world.layers.close()


@contextlib.contextmanager
def _bot_api(seed: int, log: Path) -> Iterator[RemoteBotApi]:
    command = [sys.executable, "-m", "tests.servers.telegram", "--port", "0", "--seed", str(seed)]
    with (
        log.open("w") as errors,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            with RemoteBotApi(process.stdout.readline().split()[0]) as api:
                yield api
        finally:
            process.kill()


def _settings(
    layout: Layout, folder: Path, api: RemoteBotApi, model: Model, servers: SharedServers | None
) -> Settings:
    listen = f"127.0.0.1:{free_ports(1)[0]}" if layout.webhook else ""
    return Settings(
        data_folder=folder / "data",
        redis_url=SecretStr(servers.redis_url if servers else ""),
        chroma_url=SecretStr(servers.chroma.url if servers else ""),
        archive_url=SecretStr(servers.archive_url if servers else ""),
        timezone="UTC",
        model="test",
        model_base_url=model.base_url,
        model_timeout=60,
        telegram_token=SecretStr(api.token),
        telegram_api=api.url,
        telegram_rate=0,
        telegram_groups=GroupPolicy.EVERYONE,
        telegram_webhook=f"http://{listen}" if listen else "",
        telegram_webhook_secret=SecretStr(_SECRET),
        telegram_listen=listen,
    )


def _environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a process of either bot with these settings and no others."""
    token = settings.telegram_token.get_secret_value()
    goat = {f"GOAT_{name.upper()}": str(getattr(settings, name)) for name in _FIELDS}
    secrets = {"GOAT_TELEGRAM_TOKEN": token, "GOAT_TELEGRAM_WEBHOOK_SECRET": _SECRET}
    secrets |= {"GOAT_REDIS_URL": settings.redis_url.get_secret_value()}
    secrets |= {"GOAT_CHROMA_URL": settings.chroma_url.get_secret_value()}
    secrets |= {"GOAT_ARCHIVE_URL": settings.archive_url.get_secret_value()}
    other = {stock.API: settings.telegram_api, stock.TOKEN: token, stock.MODEL: settings.model_base_url}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GOAT_")}
    return inherited | goat | secrets | other


async def _let_in(world: World, chats: Sequence[Chat]) -> None:
    access = Access(world.layers.redis.client, world.keys, frozenset(), 0)
    for chat in chats:
        world.api.opens_chat(chat.chat_id, user_id=chat.speaker(0), topic=chat.topic)
        await (access.allow(chat.chat_id) if chat.private else access.allow_group(chat.chat_id))
