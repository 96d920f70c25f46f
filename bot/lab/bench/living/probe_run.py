"""Runs of a life's probes through the recall nodes, each after its own conversation."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bot.importers.importer import Stage, import_episodes
from bot.lab.bench.bench_run import Progress
from bot.lab.bench.living.lives import Lives, Person, Probe
from bot.lab.bench.recaller import Recaller, RecallResult, open_recaller
from graph.layers import Layers
from graph.settings.context import TurnContext
from graph.state.resolution import last_decisions
from graph.state.turn_state import Conversation, State
from memory.models import ConversationTurn, Decision, Episode
from memory.text.tokens import CountTokens


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
    milliseconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the fields that are written to the results."""
        named = {name: getattr(self, name) for name in ("ranking", "shown", "window", "superseded")}
        decisions = [asdict(decision) for decision in self.decisions]
        return {"id": self.probe.id} | {k: list(v) for k, v in named.items()} | {"decisions": decisions}


async def run_lives(
    layers: Layers,
    lives: Lives,
    context: TurnContext,
    progress: Progress,
    *,
    observe: Callable[[Person, Probe, RecallResult], None] = lambda *_: None,
) -> list[ProbeResult]:
    """Ingest each person's archive once, and run the person's probes.

    Probes are neither archived nor cached, so that none affects the next.
    """
    count, probed = await layers.tokens.ready(), list[ProbeResult]()
    for person in lives.people:
        owner = await _ingest(layers, person, progress)
        recaller = open_recaller(layers, person.timezone)
        own = context.model_copy(update={"owner": owner, "cache_ttl": 0})
        for probe in person.probes:
            recalled = await _ask(recaller, person, probe, own, count)
            observe(person, probe, recalled)
            probed.append(probe_result(person, probe, recalled.state, recalled.milliseconds))
            progress.add_query()
    return probed


async def _ingest(layers: Layers, person: Person, progress: Progress) -> str:
    owner, done = f"life {person.id}", 0

    def tell(now: int, _: int | None, stage: Stage) -> None:
        nonlocal done
        if stage is Stage.EMBEDDING:
            progress.add_documents(now - done)
            done = now

    episodes = [
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
    await import_episodes(layers.episodes, episodes, owner=owner, on_progress=tell)
    await layers.episodes.ready(owner=owner)
    return owner


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
    kept: list[ConversationTurn] = []
    for turn in reversed(turns):
        most_tokens -= turn.tokens
        if kept and most_tokens < 0:
            break
        kept.insert(0, turn)
    return Conversation(turns=tuple(kept), opening=None if len(kept) == len(turns) else turns[0])


def probe_result(person: Person, probe: Probe, state: State, milliseconds: float) -> ProbeResult:
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
        milliseconds=milliseconds,
    )
