"""Owners whose memories use the same names for everything, and random operations on them.

Every text of an owner holds that owner's canary. Ids, keys, threads and words are the same for all owners, so
that an operation that forgets whose memory it reads finds another's canary.
"""

import random
import re
import tempfile
import zipfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.exports.owner_export import export_owner
from bot.mcp.memory_queries import MemoryQueries
from bot.mcp.read_tool import InvalidCall
from bot.mcp.turn_queries import TurnQueries
from graph.delegation.job import Job
from graph.delegation.state import Budget
from graph.events.turn_events import Event, Waiting
from graph.explain.explanation import explain
from graph.replay.recorded_turns import RecordedTurnReader
from graph.replay.replayer import Replayer
from graph.runtime.agent import Agent
from graph.state.circumstances import thread_id
from graph.state.turn_state import Turn
from graph.tools.caller import Caller
from memory.episodic.log.feedback_log import Feedback, Label
from memory.errors import OwnerMismatch
from memory.lexical.structural_keys import find_keys
from memory.models import ConversationTurn, Episode
from memory.recall.mechanisms import Keys, Times
from memory.reminders.reminder import Origin, Reminder, Schedule
from memory.working.redis_journal import JournalEntry
from tests.servers.model import ModelRequest, ModelServer
from tests.servers.openai_format import Reply, ToolCall

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
THREAD, KEY, TOOL, JOB = "shared", "key", "read_page", "shared-job"
TURNS = 12
"""Shared turn ids of each owner."""
WORDS = ("passport", "kettle", "ladder", "balcony", "ROSI-421", "dentist", "garage")
_CANARY = re.compile(r"canary(\d{3})")
_DELETE = "Delete it"

Operation = Callable[["World", int], Awaitable[object]]


def canary(owner: int) -> str:
    return f"canary{owner:03}"


def name_of(owner: int) -> str:
    return f"owner {owner}"


@dataclass(slots=True)
class World:
    """An agent with many owners, and what came of the operations."""

    agent: Agent
    model: ModelServer
    owners: int
    draw: random.Random
    done: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    """How often an operation showed the canary of its owner, without which it proves nothing."""
    leaks: list[str] = field(default_factory=list)
    turns: Counter[int] = field(default_factory=Counter)

    async def fill(self) -> None:
        """Give every owner something in every store, and a turn that waits for approval."""
        self.model.reply(_answer)
        for owner in range(self.owners):
            for number in range(TURNS):
                await write_turn(self, owner, number)
            await self.agent.layers.episodes.index(owner=name_of(owner))
            for write in WRITES:
                await write(self, owner)
            await turn(self, owner)
            await self._wait_for_approval(owner)

    async def _wait_for_approval(self, owner: int) -> None:
        thread = waiting_thread(owner)
        text = f"{_DELETE} {canary(owner)}"
        events = [e async for e in self.agent.stream(text, owner=name_of(owner), thread=thread)]
        assert isinstance(events[-1], Waiting)

    async def run(self, operations: int) -> None:
        """Run random operations; note what shows another owner's canary."""
        kinds, weights = [one for one, _ in OPERATIONS], [weight for _, weight in OPERATIONS]
        for kind in self.draw.choices(kinds, weights, k=operations):
            await self.check(kind, self.draw.randrange(self.owners))

    async def check(self, operation: Operation, owner: int) -> None:
        """Run an operation of an owner, and look for canaries in its result."""
        name = operation.__name__
        found = set(_CANARY.findall(repr(await operation(self, owner))))
        self.done[name] += 1
        self.seen[name] += f"{owner:03}" in found
        if others := found - {f"{owner:03}"}:
            self.leaks.append(f"{name} of owner {owner} shows {sorted(others)}")

    def other(self, owner: int) -> int:
        return (owner + self.draw.randrange(1, self.owners)) % self.owners

    def turn_id(self) -> str:
        return f"t-{self.draw.randrange(TURNS)}"

    def text(self, owner: int) -> str:
        return f"The {' '.join(self.draw.choices(WORDS, k=3))} of {canary(owner)}"


def thread_of(owner: int) -> str:
    return thread_id("isolation", str(owner))


def waiting_thread(owner: int) -> str:
    return thread_id("isolation", "waiting", str(owner))


def _answer(request: ModelRequest) -> Reply:
    """Repeat the last line; ask for approval when a deletion is wanted."""
    if _DELETE in request.last and "tools" in request.body:
        return Reply(tool_calls=(ToolCall("delete_file", {"name": request.last}),), whole=True)
    return Reply("Noted.", whole=True)


# Writes


async def write_turn(world: World, owner: int, number: int = -1) -> None:
    whose, draw = name_of(owner), world.draw
    number = draw.randrange(TURNS, 10 * TURNS) if number < 0 else number
    at = AT + timedelta(minutes=number)
    episode = Episode(
        turn_id=f"t-{number}",
        owner=whose,
        thread=THREAD,
        message=world.text(owner),
        reply=world.text(owner),
        at=at,
    )
    said = ConversationTurn(
        turn_id=episode.turn_id, message=episode.message, reply=episode.reply, at=at, tokens=20
    )
    layers = world.agent.layers
    await layers.episodes.append(episode)
    await layers.conversations.append(said, owner=whose, thread=THREAD)
    await layers.cache.drop(owner=whose)
    layers.episodes.index_soon(owner=whose)


async def write_fact(world: World, owner: int) -> None:
    await world.agent.layers.permanent.upsert(KEY, world.text(owner), owner=name_of(owner), at=AT)


async def write_identity(world: World, owner: int) -> None:
    await world.agent.layers.permanent.set_identity(world.text(owner), owner=name_of(owner))


async def write_caches(world: World, owner: int) -> None:
    layers, whose, value = world.agent.layers, name_of(owner), world.text(owner).encode()
    entry = await layers.cache.get(KEY, owner=whose)
    await layers.cache.put(KEY, value, owner=whose, generation=entry.generation, ttl=3600)
    await layers.tool_cache.put(TOOL, {}, value, owner=whose, ttl=3600)
    await layers.tool_cache.claim(KEY, canary(owner), owner=whose)


async def write_marks(world: World, owner: int) -> None:
    layers, whose = world.agent.layers, name_of(owner)
    rating = Feedback(turn_id=world.turn_id(), good=True, decisions=f'"{canary(owner)}"', at=AT)
    await layers.feedback.put(rating, owner=whose)
    label = Label(turn_id=world.turn_id(), memory=canary(owner), relevant=True, at=AT)
    await layers.labels.put([label], owner=whose)
    episode = Episode(turn_id="now", owner=whose, thread=THREAD, message=canary(owner), reply="", at=AT)
    await layers.journal.add(JournalEntry(episode=episode))


async def write_job(world: World, owner: int) -> None:
    budget = Budget(calls=1, tools=1, seconds=1)
    job = Job(job_id=JOB, owner=name_of(owner), thread=THREAD, task=canary(owner), at=AT, budget=budget)
    await world.agent.layers.delegation.jobs.start(job, most_open=9)


async def write_reminder(world: World, owner: int) -> None:
    schedule = Schedule(at=AT + timedelta(days=9999), zone="UTC", first=AT.replace(tzinfo=None))
    origin = Origin(box="terminal", turn_id=KEY)
    whose, text = name_of(owner), canary(owner)
    reminder = Reminder(id=KEY, owner=whose, text=text, schedule=schedule, origin=origin, asked=AT)
    await world.agent.layers.reminders.put(reminder)
    await world.agent.layers.reminders.offer(reminder, KEY)


# Reads


async def search(world: World, owner: int) -> object:
    text = world.text(world.other(owner))
    by = [Keys(find_keys(text)), Times(AT, AT + timedelta(days=1))]
    episodes = world.agent.layers.episodes
    reuse = world.draw.random() < 0.5
    return (await episodes.search(text, owner=name_of(owner), limit=8, by=by, reuse=reuse)).hits


async def read_log(world: World, owner: int) -> object:
    episodes, whose = world.agent.layers.episodes, name_of(owner)
    return [
        await episodes.get([world.turn_id()], owner=whose),
        await episodes.recent(owner=whose, limit=3),
        await episodes.first(owner=whose),
    ]


async def read_permanent(world: World, owner: int) -> object:
    permanent, whose = world.agent.layers.permanent, name_of(owner)
    return [
        await permanent.facts(owner=whose),
        await permanent.identity(owner=whose),
    ]


async def read_history(world: World, owner: int) -> object:
    permanent, whose = world.agent.layers.permanent, name_of(owner)
    return [await permanent.history(KEY, owner=whose), await permanent.identity_history(owner=whose)]


async def read_conversation(world: World, owner: int) -> object:
    conversations, whose = world.agent.layers.conversations, name_of(owner)
    return [
        await conversations.window(owner=whose, thread=THREAD, max_tokens=200),
        await conversations.opening(owner=whose, thread=THREAD),
    ]


async def read_caches(world: World, owner: int) -> object:
    layers, whose = world.agent.layers, name_of(owner)
    return [
        await layers.cache.get(KEY, owner=whose),
        await layers.tool_cache.get(TOOL, {}, owner=whose),
        await layers.tool_cache.claim(KEY, canary(owner), owner=whose),
    ]


async def read_marks(world: World, owner: int) -> object:
    layers, whose = world.agent.layers, name_of(owner)
    return [
        await layers.feedback.all(owner=whose),
        await layers.labels.all(owner=whose),
        await layers.journal.of_owner(whose),
    ]


async def read_jobs(world: World, owner: int) -> object:
    jobs, whose = world.agent.layers.delegation.jobs, name_of(owner)
    return [
        await jobs.get(JOB, owner=whose),
        await jobs.find(JOB[:3], owner=whose),
        await jobs.latest(owner=whose),
    ]


async def read_reminders(world: World, owner: int) -> object:
    reminders, whose = world.agent.layers.reminders, name_of(owner)
    return [
        await reminders.of(whose),
        await reminders.find(KEY, owner=whose),
        await reminders.offered(KEY, owner=whose),
    ]


async def read_observations(world: World, owner: int) -> object:
    """Read also figures, which hold no canary: they count only the owner's turns."""
    layers, whose = world.agent.layers, name_of(owner)
    found = await layers.observations.recent(owner=whose, limit=3)
    metrics = await layers.metrics.read(2, owner=whose)
    if metrics.whole.turns > world.turns[owner]:
        world.leaks.append(f"the figures of owner {owner} count others' turns")
    return [found, canary(owner)]


async def use_tools(world: World, owner: int) -> object:
    turn = Turn(turn_id="now", owner=name_of(owner), thread=THREAD, message="?", at=AT)
    tools = await world.agent.layers.toolbox.tools_for(turn)
    config = Caller(turn=turn, key="now:0:0").config()
    calls: Sequence[tuple[str, dict[str, str]]] = (
        ("search_memory", {"query": world.text(world.other(owner))}),
        ("read_facts", {}),
    )
    # What was asked stands in no result: the query holds another's canary.
    return [await tools[name].ainvoke(arguments, config) for name, arguments in calls]


async def turn(world: World, owner: int) -> object:
    """Answer a message; what the model was shown counts."""
    asked = len(world.model.chats)
    world.turns[owner] += 1
    text = f"{world.draw.choice(WORDS)}, {canary(owner)}?"
    await world.agent.ask(text, owner=name_of(owner), thread=thread_of(owner))
    await world.agent.layers.recorder.flush()
    shown = [request.prompt for request in world.model.chats[asked:]]
    del world.model.requests[:]
    return shown


async def ask_why(world: World, owner: int) -> object:
    state = await world.agent.last_turn(thread_of(owner))
    return explain(state) if state is not None else None


async def enter_anothers_thread(world: World, owner: int) -> object:
    """Try to speak, to repeat a turn, to decide and to see what waits in another owner's thread."""
    agent, whose, other = world.agent, name_of(owner), world.other(owner)
    thread, waits = thread_of(other), waiting_thread(other)
    waiting, last = await agent.waiting(waits, owner=name_of(other)), await agent.last_turn(thread)
    assert waiting is not None
    assert last is not None
    call, answered = waiting.approvals[0].id, last["turn"].turn_id
    return [
        await agent.waiting(waits, owner=whose),
        await _refused(agent.stream("Hello", owner=whose, thread=thread)),
        await _refused(agent.stream("Hello", owner=whose, thread=thread, turn_id=answered)),
        await _refused(
            agent.decide(waiting.turn_id, owner=whose, thread=waits, approval_id=call, allowed=True)
        ),
    ]


async def _refused(events: AsyncIterator[Event]) -> object:
    try:
        return [event async for event in events]
    except OwnerMismatch:
        return None


async def ask_mcp(world: World, owner: int) -> object:
    other = world.other(owner)
    memory, turns = (
        MemoryQueries(name_of(owner), world.agent.layers),
        TurnQueries(name_of(owner), world.agent),
    )
    asked: list[Awaitable[object]] = [
        memory.search_memory(world.draw.choice(WORDS)),
        memory.read_facts(),
        memory.read_facts(key=KEY),
        memory.read_identity(),
        turns.get_turn(world.turn_id()),
        turns.diagnose_turn(),
        turns.list_threads(),
        turns.thread_state(thread_of(other)),
        turns.thread_state(thread_of(owner)),
    ]
    return [await _unless_missing(one) for one in asked]


async def _unless_missing(asked: Awaitable[object]) -> object:
    try:
        return await asked
    except InvalidCall:
        return None


async def export(world: World, owner: int) -> object:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.zip"
        await export_owner(world.agent.layers, name_of(owner), path)
        with zipfile.ZipFile(path) as opened:
            return [opened.read(name) for name in opened.namelist()]


async def replay(world: World, owner: int) -> object:
    reader = RecordedTurnReader(world.agent.layers, name_of(owner))
    observations = (await reader.observations())[-3:]
    episodes = await reader.episodes(observations)
    ids = {one.turn_id for one in observations}
    named = [replace(one, thread=thread_of(owner)) for one in observations]
    shown: list[Any] = [observations, episodes, *[await reader.thread(one) for one in named]]
    known = [one for one in observations if one.turn_id in episodes]
    return shown + [await reader.turn(one, episodes[one.turn_id], ids) for one in known]


async def replay_decisions(world: World, owner: int) -> object:
    replayer = Replayer(world.agent.layers, name_of(owner))
    return [one async for one in replayer.run(await replayer.plan())]


async def erase_and_fill(world: World, owner: int) -> object:
    """Forget an owner: their names lead nowhere, and others keep theirs."""
    layers, whose = world.agent.layers, name_of(owner)
    await layers.episodes.erase(owner=whose)
    await layers.conversations.erase(owner=whose)
    await layers.cache.erase(owner=whose)
    gone = [await read_log(world, owner), await read_conversation(world, owner)]
    if canary(owner) in repr(gone):
        world.leaks.append(f"owner {owner} is still there")
    for number in range(TURNS):
        await write_turn(world, owner, number)
    return canary(owner)


WRITES: Sequence[Operation] = (
    write_fact,
    write_identity,
    write_caches,
    write_marks,
    write_job,
    write_reminder,
)
OPERATIONS: Sequence[tuple[Operation, float]] = (
    *((write, 1) for write in WRITES),
    (write_turn, 1),
    (search, 5),
    (read_log, 15),
    (read_permanent, 12),
    (read_history, 5),
    (read_conversation, 15),
    (read_caches, 15),
    (read_marks, 8),
    (read_jobs, 8),
    (read_reminders, 8),
    (read_observations, 6),
    (use_tools, 0.6),
    (turn, 0.2),
    (ask_why, 1),
    (enter_anothers_thread, 0.4),
    (ask_mcp, 0.6),
    (export, 0.3),
    (replay, 0.5),
    (replay_decisions, 0.05),
    (erase_and_fill, 0.03),
)
SILENT = frozenset(write.__name__ for write in (*WRITES, write_turn)) | {"enter_anothers_thread"}
"""Operations that show nothing of the owner."""
