"""A thread of LangGraph's server, driven as by Studio, and the stores behind it."""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from langgraph_sdk.client import LangGraphClient

from graph.checkpoint.checkpoint_records import text
from graph.layers import Layers
from graph.runtime.agent import Agent
from tests.servers.model import ModelServer
from tests.servers.studio import StudioServer

ASSISTANT = "goat"
COMPLAINTS = re.compile(
    "BlockingError|Blocking call|[Dd]eserializ|unregistered type|never awaited|never retrieved|was destroyed"
)


def shared_folder(made: Path, model_folder: Path, configuration: str = "") -> Path:
    """Prepare a server's folder, with its configuration and the shared data folder."""
    (made / "goat.toml").write_text(configuration)
    data = made / "data"
    data.mkdir(mode=0o700)
    (data / "models").symlink_to(model_folder)
    return made


@contextmanager
def running_studio(folder: Path, model: ModelServer, **settings: str) -> Iterator[StudioServer]:
    """Run a server; check that its log reports no blocking call and no unknown type."""
    environment = {
        "GOAT_DATA_FOLDER": str(folder / "data"),
        "GOAT_MODEL": "test",
        "GOAT_MODEL_BASE_URL": model.base_url,
        "GOAT_PREFETCH_TIMEOUT": "30",
        "GOAT_SHELL": "true",
        **{f"GOAT_{name.upper()}": value for name, value in settings.items()},
    }
    with StudioServer(folder, environment) as running:
        yield running
    assert "Application started up" in running.log
    assert COMPLAINTS.findall(running.log) == []


@dataclass(frozen=True)
class Chat:
    """One thread of the server."""

    client: LangGraphClient
    thread: str

    @classmethod
    async def begin(cls, client: LangGraphClient, thread: str | None = None) -> "Chat":
        """Create a thread, or register one that was begun elsewhere."""
        made = await client.threads.create(thread_id=thread, graph_id=ASSISTANT, if_exists="do_nothing")
        return cls(client, made["thread_id"])

    async def say(self, text: str, **context: Any) -> dict[str, Any]:
        """Run a turn until it ends or waits."""
        return await self.run(input=said(text), context=context or None)

    async def fork(self, checkpoint: str, *, stop: str = "", **context: Any) -> dict[str, Any]:
        """Fork from a checkpoint with another context, and run up to a node."""
        options = {"interrupt_before": [stop]} if stop else {}
        return await self.run(input=None, checkpoint_id=checkpoint, context=context, **options)

    async def refusal(self, text: str, **context: Any) -> str:
        """Send a message that is refused; return the error."""
        result = await self.run(input=said(text), context=context, raise_error=False)
        return "{error}: {message}".format(**result["__error__"])

    async def state(self) -> Mapping[str, Any]:
        """Return the thread's latest state, with its pending interrupts."""
        return cast("Mapping[str, Any]", await self.client.threads.get_state(self.thread))

    async def history(self) -> list[Any]:
        """Return the latest checkpoints, newest first."""
        return list(await self.client.threads.get_history(self.thread, limit=40))

    async def before(self, node: str) -> str:
        """Return the latest checkpoint before a node."""
        return str(next(s["checkpoint"]["checkpoint_id"] for s in await self.history() if node in s["next"]))

    async def run(self, **options: Any) -> dict[str, Any]:
        """Run the graph, and return the final state."""
        return cast("dict[str, Any]", await self.client.runs.wait(self.thread, ASSISTANT, **options))


def said(text: str) -> dict[str, Any]:
    """Return the input of a turn."""
    return {"messages": [{"role": "user", "content": text}]}


def kept(state: Mapping[str, Any]) -> list[str]:
    """Return the turns that the gap filter kept."""
    return [decision["turn_id"] for decision in state["decisions"] if decision["kept"]]


def recalled(state: Mapping[str, Any]) -> list[str]:
    """Return the messages of the shown memories, best first."""
    by_id = {candidate["turn_id"]: candidate["message"] for candidate in state["recall"]["candidates"]}
    return [by_id[turn_id] for turn_id in state["allocation"]["recalled"]]


def conversation(state: Mapping[str, Any]) -> list[str]:
    """Return the messages earlier in the thread."""
    return [past["message"] for past in state["conversation"]["turns"]]


async def replies(agent: Agent, message: str) -> list[str]:
    """Return the archived replies to a message of the server's owner."""
    return [one.reply async for one in agent.layers.episodes.all(owner="me") if one.message == message]


async def written(layers: Layers) -> dict[str, Any]:
    """Return everything stored except checkpoints and the tokens used, which an experiment takes too, and
    which are counted in the background: all rows of the owners' files, all keys of Redis.
    """
    folder = layers.settings.data_folder / "owners"
    rows = {str(path): _rows(path) for path in sorted(folder.glob("*.sqlite"))}
    client = await layers.redis.client()
    others = ("goat:checkpoint:", "goat:usage:")
    keys = [key for key in sorted(map(text, await client.keys("*"))) if not key.startswith(others)]
    return {"rows": rows, "keys": {key: await client.dump(key) for key in keys}}


def _rows(path: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return list(database.iterdump())
