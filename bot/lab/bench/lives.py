"""Lives in conversation: people's talks with an assistant over months, and runs of probes on that memory."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime

from bot.lab.bench.bench_run import Recaller, RecallResult, ignore, ingest_episodes, open_recaller
from bot.lab.bench.neutral import Message, Neutral, Text, read_neutral
from graph.layers import Layers
from graph.replay.recorded_turns import latest_within
from graph.settings.context import TurnContext
from graph.state.recall import last_decisions
from graph.state.turn_state import Conversation, State
from memory.models import ConversationTurn, Decision, Episode
from memory.prompt.token_budget import CountTokens

NEAR_MISSES = ("unanswerable", "other_person")
NOTHING = ("small_talk", "new_topic", "in_conversation", *NEAR_MISSES)
"""Kinds of messages for which nothing should be shown."""


class BenchExchange(Neutral):
    user: Text
    assistant: Text = ""


class ArchivedExchange(BenchExchange):
    id: str
    at: AwareDatetime
    thread: str
    tags: tuple[str, ...] = ()


class Probe(Neutral):
    """A message, the exchanges right before it, and the memories that it should recall."""

    id: str
    at: AwareDatetime
    thread: str
    lead: tuple[BenchExchange, ...] = ()
    user: Message
    gold: tuple[str, ...] = ()
    """Each of these answers it alone."""
    needed: tuple[str, ...] = ()
    """A full answer needs all of these."""
    wrong: tuple[str, ...] = ()
    """Outdated, corrected, or another person's: wrong when shown alone."""
    in_conversation: bool = False
    kind: str


class Person(Neutral):
    """A person's archive, oldest first, and its probes."""

    id: str
    language: str
    timezone: ZoneInfo = ZoneInfo("UTC")
    turns: tuple[ArchivedExchange, ...]
    probes: tuple[Probe, ...]

    def before(self, probe: Probe) -> list[tuple[str, datetime, BenchExchange]]:
        """Return the conversation before a probe, oldest first: ids, times, exchanges."""
        thread = [(told.id, told.at, told) for told in self.turns if told.thread == probe.thread]
        lead = [(f"{probe.id}:lead:{number}", probe.at, said) for number, said in enumerate(probe.lead)]
        return [*thread, *lead]


class Lives(Neutral):
    name: str = ""
    people: tuple[Person, ...]

    @property
    def counts(self) -> tuple[int, int]:
        """Number of exchanges, and of probes."""
        return sum(len(one.turns) for one in self.people), sum(len(one.probes) for one in self.people)


def read_lives(path: Path) -> Lives:
    """Read lives from a JSON file.

    Raises:
        BadImportFile: names the position and what is wrong there.
    """
    return read_neutral(path, Lives)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """Result of a probe, as ids of the archive."""

    person: Person
    probe: Probe
    ranking: tuple[str, ...]
    """Candidates, best first."""
    shown: tuple[str, ...]
    window: tuple[str, ...]
    """Part of the conversation in the prompt."""
    superseded: tuple[str, ...]
    """Shown with a mark that they are outdated."""
    decisions: tuple[Decision, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the fields that are written to the results."""
        named = {name: list(getattr(self, name)) for name in ("ranking", "shown", "window", "superseded")}
        return {"id": self.probe.id, **named, "decisions": [asdict(one) for one in self.decisions]}


async def run_lives(
    layers: Layers,
    lives: Lives,
    context: TurnContext,
    *,
    on_embedded: Callable[[int], None] = ignore,
    on_asked: Callable[[], None] = lambda: None,
) -> list[tuple[Person, Probe, RecallResult]]:
    """Ingest each person's archive once, and run the person's probes.

    Probes are neither archived nor cached, so that none affects the next.
    """
    count, probed = await layers.tokens.ready(), list[tuple[Person, Probe, RecallResult]]()
    for person in lives.people:
        owner = f"life {person.id}"
        await ingest_episodes(layers, _episodes(person, owner), owner, on_embedded)
        recaller = open_recaller(layers, person.timezone)
        own = context.model_copy(update={"owner": owner, "cache_ttl": 0})
        for probe in person.probes:
            probed.append((person, probe, await _ask(recaller, person, probe, own, count)))
            on_asked()
    return probed


def _episodes(person: Person, owner: str) -> list[Episode]:
    return [
        Episode(
            turn_id=told.id,
            owner=owner,
            thread=told.thread,
            message=told.user,
            reply=told.assistant,
            at=told.at,
            tags=told.tags,
        )
        for told in person.turns
    ]


async def _ask(
    recaller: Recaller, person: Person, probe: Probe, context: TurnContext, count: CountTokens
) -> RecallResult:
    """Recall for the messages right before the probe, in order, then for the probe."""
    turns = [
        ConversationTurn(
            turn_id=turn_id,
            message=said.user,
            reply=said.assistant,
            at=at,
            tokens=count(said.user) + count(said.assistant),
        )
        for turn_id, at, said in person.before(probe)
    ]
    first, before = len(turns) - len(probe.lead), None
    for place, turn in enumerate(turns[first:], start=first):
        past = window(turns[:place], context.l2_cap)
        asked = recaller(
            turn.message, turn_id=turn.turn_id, at=turn.at, context=context, conversation=past, before=before
        )
        before = (await asked).state
    past = window(turns, context.l2_cap)
    return await recaller(
        probe.user, turn_id=probe.id, at=probe.at, context=context, conversation=past, before=before
    )


def window(turns: Sequence[ConversationTurn], most_tokens: int) -> Conversation:
    """Return L2's window of a thread: the latest turns, and the first one if it is not among them."""
    kept = latest_within(turns, most_tokens)
    return Conversation(turns=kept, opening=None if len(kept) == len(turns) else turns[0])


def probe_result(person: Person, probe: Probe, state: State) -> ProbeResult:
    """Read a probe's result from the state."""
    archived, allocation = {told.id for told in person.turns}, state["allocation"]
    decisions = last_decisions(state["decisions"], allocation)
    return ProbeResult(
        person=person,
        probe=probe,
        ranking=tuple(candidate.turn_id for candidate in state["recall"].candidates),
        shown=tuple(allocation.recalled),
        window=tuple(turn_id for turn_id in allocation.conversation if turn_id in archived),
        superseded=tuple(each.turn_id for each in decisions if each.kept and each.superseded_by),
        decisions=tuple(decisions),
    )
