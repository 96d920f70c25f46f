"""The agent of a notebook: runs a day of messages, measures its layers, simulates outages."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, chdir
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bot.lab.bench.bench_layers import temporary_settings
from bot.lab.bench.neutral import BenchArchive, as_episodes, split_exchange
from bot.lab.widgets import Table
from graph.app import open_agent
from graph.explain.explanation import explain
from graph.observability.turn_recorder import elapsed_milliseconds
from graph.runtime.agent import Agent
from graph.settings.context import TurnContext
from graph.settings.settings import Settings
from graph.settings.settings_loader import load_settings
from graph.state.circumstances import Circumstances, thread_id
from graph.state.turn_state import State
from memory.errors import ConfigError
from memory.models import Outcome, SearchStatus
from memory.prompt.prompt import render_system
from memory.prompt.token_budget import CountTokens


def settings_in(folder: Path) -> Settings:
    """Load the settings of a folder.

    Raises:
        ConfigError: they cannot be read; says why.
    """
    if not folder.is_dir():
        raise ConfigError(
            f"There is no folder {str(folder)!r} (looked for from {Path.cwd()}). "
            "Give the folder that goat.toml and .env are in."
        )
    with chdir(folder):
        return load_settings()


@asynccontextmanager
async def temporary_agent(settings: Settings, owner: str) -> AsyncIterator[Agent]:
    """Open an agent whose folder is deleted after the block."""
    with TemporaryDirectory(prefix="goat-notebook-", ignore_cleanup_errors=True) as folder:
        async with open_agent(temporary_settings(settings, Path(folder), owner)) as agent:
            yield agent


async def fill(agent: Agent, archive: BenchArchive, owner: str) -> None:
    """Archive and embed turns, and load what the first turn needs."""
    await agent.layers.episodes.append_many(as_episodes(archive, owner))
    await agent.layers.episodes.index(owner=owner)
    await agent.layers.warm_up(owner)


LAYERS = ("L0 identity", "L1 facts", "L2 conversation", "L3 memory")
GOES_ON = (Outcome.ANSWERED, Outcome.RECALLED)
LOADING = 30.0
"""Timeout in seconds of an agent's first search, which opens everything."""
_BETWEEN = timedelta(minutes=25)


def split_archive(archive: BenchArchive, messages: int) -> tuple[BenchArchive, list[str]]:
    """Return an archive without its last turns, and the user's messages in these."""
    docs = sorted(archive.docs, key=lambda doc: (doc.time is not None, doc.time))
    told, last = docs[:-messages], docs[-messages:]
    said = [split_exchange(doc.text)[0] for doc in last]
    return archive.model_copy(update={"docs": tuple(told)}), [text for text in said if text.strip()]


async def send_messages(agent: Agent, owner: str, messages: Sequence[str], morning: datetime) -> list[State]:
    """Send messages in order, in one thread, each when the last is embedded; return the finished turns."""
    states = []
    for number, text in enumerate(messages):
        about = Circumstances(at=morning + number * _BETWEEN)
        states.append(await agent.ask(text, owner=owner, thread=thread_id(owner, "day"), about=about))
        await agent.layers.episodes.wait_for_index(owner=owner)
    await agent.layers.recorder.flush()
    return states


def layer_use(state: State, count: CountTokens) -> tuple[int, int, int, int]:
    """Return the tokens of each layer in a turn's prompt, in the order of `LAYERS`."""
    shared = state["allocation"]
    identity = count(render_system(state["persona"].text, (), UTC))
    return identity, max(shared.fixed - identity, 0), shared.l2_used, shared.l3_used


async def layers_table(agent: Agent, owner: str, states: Sequence[State]) -> Table:
    """Return what each layer holds, its reading time, and its tokens over the turns."""
    takings = [layer_use(state, await agent.layers.tokens.ready()) for state in states]
    last, stored = states[-1], await agent.layers.episodes.count(owner=owner)
    holds = (
        "1 text",
        f"{len(last['fact_sheet'].facts)} facts",
        f"{len(last['conversation'].turns)} turns of the thread",
        f"{stored} turns",
    )
    nodes = ("identity", "facts", "working", "prefetch")
    rows = [
        (
            layer,
            held,
            f"{median(_milliseconds(state)[node] for state in states):.1f}",
            sum(taken[place] > 0 for taken in takings),
            round(sum(taken[place] for taken in takings) / len(takings)),
            max(taken[place] for taken in takings),
        )
        for place, (layer, held, node) in enumerate(zip(LAYERS, holds, nodes, strict=True))
    ]
    rows.insert(
        3, ("L2.5 session cache", "nothing: each turn empties it", "", sum(map(_spared, states)), 0, 0)
    )
    return Table(
        ("layer", "holds", "ms to read (median)", "turns it is in", "tokens a turn", "at most"), rows
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    name: str
    settings: Mapping[str, object] = field(default_factory=dict)
    thresholds: Mapping[str, object] = field(default_factory=dict)


async def outages(settings: Settings, owner: str, message: str, faults: Sequence[Fault]) -> Table:
    """Send the same private message with each fault; return the outcomes."""
    rows = [await _outage(settings, owner, message, fault) for fault in faults]
    return Table(("what is wrong", "the turn", "memories", "facts", "ms", "it says"), rows)


async def _outage(settings: Settings, owner: str, message: str, fault: Fault) -> tuple[object, ...]:
    given, private = settings.turn_context(owner).model_dump(), Circumstances(private=True)
    patient = TurnContext.model_validate({**given, "prefetch_timeout": LOADING})
    context = TurnContext.model_validate({**given, **fault.thresholds})
    async with open_agent(settings.model_copy(update=dict(fault.settings))) as agent:
        thread = thread_id(owner, fault.name)
        await agent.ask("Warming up.", owner=owner, thread=thread, context=patient, about=private)
        state = await agent.ask(message, owner=owner, thread=thread, context=context, about=private)
    turn = explain(state)
    return (
        fault.name,
        "goes on" if state["reply"].outcome in GOES_ON else state["reply"].outcome.value,
        len(state["allocation"].recalled),
        len(state["fact_sheet"].facts),
        round(elapsed_milliseconds(_milliseconds(state))),
        "; ".join(dict.fromkeys(turn.problems if turn else ())) or "nothing",
    )


def _spared(state: State) -> bool:
    """Return whether the turn's search came from the session cache."""
    return any(report.status == SearchStatus.CACHED for report in state["recall"].reports.values())


def _milliseconds(state: State) -> Mapping[str, float]:
    return state.get("timings", {}).get(state["turn"].turn_id, {})
