"""Owners' words in every store, and a process that erases them until it is killed."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from graph.app import open_agent
from graph.checkpoint.redis_saver import RedisSaver
from graph.runtime.agent import Agent
from graph.runtime.erasure import OwnerErasure
from graph.settings.settings import exports_folder, terminal_folder
from graph.settings.settings_loader import load_settings
from graph.state.circumstances import thread_id
from graph.tools.plugins.services import artifacts_of
from memory.database import owner_key
from memory.episodic.episode_archive import EpisodeArchive
from memory.episodic.log.feedback_log import Feedback
from memory.models import Episode
from memory.owners.owner_files import OwnerFiles
from memory.reminders.reminder import Origin, Reminder, Schedule
from memory.working.redis_connection import RedisConnection
from memory.working.redis_conversation import RedisConversation
from memory.working.redis_journal import JournalEntry

POINTS: dict[str, tuple[type, str]] = {
    "a thread is deleted": (RedisSaver, "adelete_thread"),
    "the conversations are": (RedisConversation, "erase"),
    "the episodes are": (EpisodeArchive, "erase"),
    "the file is": (OwnerFiles, "erase"),
    "the first round is over": (OwnerErasure, "_clear"),
    "the vectors are cleaned": (EpisodeArchive, "vacuum"),
    "the log is rewritten": (RedisConnection, "rewrite_files"),
}
"""A point where a process is killed: after the first call of a method."""


def secret(owner: str) -> str:
    """Return a word that is unique to this owner."""
    return f"xylophonic{owner}ștefan"


async def fill(agent: Agent, owner: str, *, turns: int = 3) -> None:
    """Store the word everywhere the agent stores text."""
    layers, said, now = agent.layers, secret(owner), datetime.now(UTC)
    for number in range(turns):
        thread = thread_id("test", owner, str(number % 2))
        await agent.ask(
            f"My {said} number {number} is red.", owner=owner, thread=thread, turn_id=said + str(number)
        )
    await layers.episodes.index(owner=owner)
    await layers.permanent.upsert("pet", said, owner=owner, at=now)
    await layers.permanent.set_identity(f"You are {said}.", owner=owner)
    rated = Feedback(turn_id=f"{said}0", good=True, decisions=f'["{said}"]', at=now)
    await layers.feedback.put(rated, owner=owner)
    await layers.tool_cache.put("fetch", {"url": said}, said.encode(), owner=owner, ttl=600)
    await layers.reminders.put(
        Reminder(
            id=said,
            owner=owner,
            text=said,
            schedule=Schedule(at=now, zone="UTC", first=now.replace(tzinfo=None)),
            origin=Origin(box="terminal", turn_id=f"{said}0"),
            asked=now,
        )
    )
    running = Episode(turn_id="running", owner=owner, thread="t", message=said, reply=said, at=now)
    await layers.journal.add(JournalEntry(episode=running))
    pictures = artifacts_of(owner, layers.settings.data_folder)
    pictures.mkdir(parents=True, exist_ok=True)
    (pictures / "page.png").write_text(said)
    terminal = terminal_folder(layers.settings)
    terminal.mkdir(exist_ok=True)
    (terminal / f"{owner_key(owner)}.history").write_text(f"\n# now\n+{said}\n")
    exports = exports_folder(layers.settings, owner)
    exports.mkdir(parents=True, exist_ok=True)
    (exports / "left.zip").write_text(said)


async def erase(owner: str, point: str) -> None:
    """Erase an owner; die at a point."""
    kind, method = POINTS[point]
    setattr(kind, method, _dying_after(getattr(kind, method)))
    async with open_agent(load_settings()) as agent:
        await agent.erase(owner)


def _dying_after(inner: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def dying(*args: Any, **kwargs: Any) -> Any:
        await inner(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    return dying


if __name__ == "__main__":
    asyncio.run(erase(*sys.argv[1:]))
