"""A thread of LangGraph's server, driven as Studio drives it, and the stores behind it."""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from langgraph_sdk.client import LangGraphClient

from graph.checkpoint.checkpoint_keys import text
from graph.layers import Layers
from tests.servers.model import ModelServer
from tests.servers.studio import StudioServer

ASSISTANT = "goat"
COMPLAINTS = re.compile(
    "BlockingError|Blocking call|[Dd]eserializ|unregistered type|never awaited|never retrieved|was destroyed"
)


def shared_folder(made: Path, model_folder: Path, configuration: str = "") -> Path:
    """Prepare where a server is started: with its configuration, and data that other processes share."""
    (made / "goat.toml").write_text(configuration)
    data = made / "data"
    data.mkdir(mode=0o700)
    (data / "models").symlink_to(model_folder)
    return made


@contextmanager
def running_studio(folder: Path, model: ModelServer, **settings: str) -> Iterator[StudioServer]:
    """Run a server; whatever was asked of it, its log names no blocking call and no foreign type."""
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
    """One thread of the server, as Studio shows it."""

    client: LangGraphClient
    thread: str

    @classmethod
    async def begin(cls, client: LangGraphClient, thread: str | None = None) -> "Chat":
        """Begin a thread, or make one visible that was begun elsewhere."""
        made = await client.threads.create(thread_id=thread, graph_id=ASSISTANT, if_exists="do_nothing")
        return cls(client, made["thread_id"])

    async def say(self, text: str, **context: Any) -> dict[str, Any]:
        """Run a turn to its end, or to where it waits."""
        return await self.run(input=said(text), context=context or None)

    async def fork(self, checkpoint: str, *, stop: str = "", **context: Any) -> dict[str, Any]:
        """Go back to a checkpoint and run on from there with another context, up to a node."""
        options = {"interrupt_before": [stop]} if stop else {}
        return await self.run(input=None, checkpoint_id=checkpoint, context=context, **options)

    async def refusal(self, text: str, **context: Any) -> str:
        """Say something that is refused; return how."""
        result = await self.run(input=said(text), context=context, raise_error=False)
        return "{error}: {message}".format(**result["__error__"])

    async def state(self) -> Mapping[str, Any]:
        """Return the thread's latest state, with what waits in it."""
        return cast("Mapping[str, Any]", await self.client.threads.get_state(self.thread))

    async def history(self) -> list[Any]:
        """Return the latest checkpoints, newest first."""
        return list(await self.client.threads.get_history(self.thread, limit=40))

    async def before(self, node: str) -> str:
        """Return the latest checkpoint from which a node runs."""
        return str(next(s["checkpoint"]["checkpoint_id"] for s in await self.history() if node in s["next"]))

    async def run(self, **options: Any) -> dict[str, Any]:
        """Run the graph, and return the state that it ends with."""
        return cast("dict[str, Any]", await self.client.runs.wait(self.thread, ASSISTANT, **options))


def said(text: str) -> dict[str, Any]:
    """Return the input of a turn."""
    return {"messages": [{"role": "user", "content": text}]}


def kept(state: Mapping[str, Any]) -> list[str]:
    """Return the turns that the gap filter kept."""
    return [decision["turn_id"] for decision in state["decisions"] if decision["kept"]]


def recalled(state: Mapping[str, Any]) -> list[str]:
    """Return what was said in the memories that are shown, best first."""
    by_id = {candidate["turn_id"]: candidate["message"] for candidate in state["recall"]["candidates"]}
    return [by_id[turn_id] for turn_id in state["allocation"]["recalled"]]


def conversation(state: Mapping[str, Any]) -> list[str]:
    """Return what was said before in the thread."""
    return [past["message"] for past in state["conversation"]["turns"]]


async def written(layers: Layers) -> dict[str, Any]:
    """Return all that is stored, checkpoints apart: every row of the owners' files, every key of Redis."""
    folder = layers.settings.data_folder / "owners"
    rows = {str(path): _rows(path) for path in sorted(folder.glob("*.sqlite"))}
    client = await layers.redis.client()
    keys = [
        key for key in sorted(map(text, await client.keys("*"))) if not key.startswith("goat:checkpoint:")
    ]
    return {"rows": rows, "keys": {key: await client.dump(key) for key in keys}}


def _rows(path: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return list(database.iterdump())
