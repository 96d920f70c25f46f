"""One replayed turn after another: its search and its decisions, with its own settings and with others."""

import asyncio
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from graph.layers import Layers
from graph.replay.decided_turn import Selection, context_of, selection_of
from graph.replay.recorded_turns import RecordedTurn, imported_in
from graph.settings.context import TurnContext
from graph.state.recall import search_limit, to_recall
from graph.state.turn_state import Allocation, FactSheet, Persona, Recall, Reply, State, Turn, Unused
from memory.episodic.search.hits import Query
from memory.episodic.search.past_archive import PastArchive
from memory.recall.evidence_traits import RECENT
from memory.recall.mechanisms import read_query
from nodes.archive import unused_memories
from nodes.budget import BudgetInputs, decide
from nodes.gap_filter import find_calibration

Change = Callable[[TurnContext], TurnContext]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedTurn:
    """A turn with its recorded and its repeated decisions."""

    turn: RecordedTurn
    recorded: Selection
    again: Selection
    """With the turn's own settings."""
    state: State
    """The state that `again` was taken from."""
    changed: Selection
    """With other settings; `again` when there are none."""
    changed_state: State

    @property
    def same(self) -> bool:
        """True when `again` equals the record byte for byte."""
        return self.again.encoded == self.recorded.encoded


@dataclass(frozen=True, slots=True)
class _Track:
    """Memories shown under some settings, by turn, and those that each thread's last turns did not use."""

    shown: ChainMap[str, Sequence[str]]
    unused: dict[str, Sequence[Unused]] = field(default_factory=dict)


class Run:
    """Replays one turn after another, with their own settings and with others."""

    def __init__(
        self,
        layers: Layers,
        past: PastArchive,
        shown: dict[str, Sequence[str]],
        change: Change | None = None,
    ) -> None:
        self._layers, self._past, self._change = layers, past, change
        self._own, self._other = (_Track(ChainMap({}, shown)) for _ in range(2))

    async def __call__(self, turn: RecordedTurn) -> ReplayedTurn:
        observation, thread = turn.observation, turn.observation.thread
        context = context_of(observation)
        known = Selection(shares=observation.shares, judged=observation.decisions)
        recall = await self._recall(turn, context, same_reach=True)
        state = await self._decide(turn, context, recall, self._own)
        self._own.unused[thread] = _unused(turn, _with_recorded(state, known.kept))
        changed = state
        if self._change is not None:
            other = self._change(context)
            same_reach = search_limit(context) == search_limit(other)
            if context.fusion != other.fusion or not same_reach:
                recall = await self._recall(turn, other, same_reach=same_reach)
            changed = await self._decide(turn, other, recall, self._other)
            self._other.shown[observation.turn_id] = selection_of(changed).shown
            self._other.unused[thread] = _unused(turn, changed)
        return ReplayedTurn(
            turn=turn,
            recorded=known,
            again=selection_of(state),
            state=state,
            changed=selection_of(changed),
            changed_state=changed,
        )

    async def _recall(self, turn: RecordedTurn, context: TurnContext, *, same_reach: bool) -> Recall:
        """Search in the archive as it was; a search that failed then stays failed."""
        observation, said = turn.observation, turn.episode.said
        if observation.seen is None:
            return Recall(reports=dict(observation.searches))
        asked = await asyncio.to_thread(
            read_query, said, before=turn.said_before, now=observation.at, zone=turn.zone
        )
        query = Query(
            text=asked.text,
            owner=observation.owner,
            limit=search_limit(context),
            by=asked.by,
            weights=context.fusion,
        )
        return to_recall(await self._past.search(query, observation.seen, same_reach=same_reach), asked, said)

    async def _decide(self, turn: RecordedTurn, context: TurnContext, recall: Recall, track: _Track) -> State:
        observation = turn.observation
        recall = replace(recall, carried=last_turn_memories(turn, track.shown))
        state: State = {
            "messages": [],
            "turn": _turn(turn),
            "conversation": turn.conversation(context.l2_cap),
            "recall": recall,
            "persona": Persona(text=""),
            "fact_sheet": FactSheet(facts=tuple(turn.facts)),
            "unused": track.unused.get(observation.thread, ()),
            "reply": Reply(text=turn.episode.reply, outcome=observation.outcome),
        }
        named, state["calibration"] = await find_calibration(self._layers.live, context, recall.query.model)
        shares = observation.shares
        inputs = BudgetInputs(shares.fixed, await self._layers.tokens.ready(), turn.zone, shares.space)
        return await asyncio.to_thread(decide, state, context, inputs, named)


def last_turn_memories(turn: RecordedTurn, shown: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the memories shown in the thread's last turn, if it was recent; see `nodes.prefetch`."""
    if not turn.earlier or turn.observation.at - turn.earlier[-1].at > RECENT:
        return ()
    return tuple(shown.get(turn.earlier[-1].turn_id, ()))


def _unused(turn: RecordedTurn, state: State) -> Sequence[Unused]:
    """Return the memories that the reply did not use; none for an imported turn, written without memories."""
    return () if imported_in(turn.observation) is not None else unused_memories(state)


def _with_recorded(state: State, kept: frozenset[str]) -> State:
    """Return the state with the memories that the turn was shown according to its record."""
    shown: Allocation = replace(
        state["allocation"],
        recalled=tuple(c.turn_id for c in state["recall"].candidates if c.turn_id in kept),
    )
    return {**state, "allocation": shown}


def _turn(turn: RecordedTurn) -> Turn:
    observation, episode = turn.observation, turn.episode
    return Turn(
        turn_id=observation.turn_id,
        owner=observation.owner,
        thread=observation.thread,
        message=episode.message,
        parts=episode.parts,
        at=observation.at,
        tags=episode.tags,
    )
