"""Decide again what past turns were shown, with the settings that they had, or with others."""

import asyncio
from collections import ChainMap
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from graph.layers import Layers
from graph.replay.decided_turn import Decided, context_of, decided, recorded
from graph.replay.past_recall import PastRecall
from graph.replay.recorded_turns import RecordedTurn, Recorder
from graph.replay.replay_plan import Plan, Why, leading_up, obstacle
from graph.settings.context import TurnContext
from graph.state.recall_offer import search_limit
from graph.state.turn_state import Allocation, FactSheet, Persona, Recall, Reply, State, Turn, Unused
from memory.recall.evidence_traits import RECENT
from nodes.archive import unused_memories
from nodes.budget import BudgetInputs
from nodes.decision import decide
from nodes.gap_filter import find_calibration

Change = Callable[[TurnContext], TurnContext]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A turn, decided again."""

    turn: RecordedTurn
    recorded: Decided
    again: Decided
    """With the settings that it had."""
    state: State
    """Behind `again`."""
    changed: Decided
    """With other settings; `again` when there are none."""
    changed_state: State

    @property
    def same(self) -> bool:
        """Say whether it was decided again as it is recorded, byte for byte."""
        return self.again.encoded == self.recorded.encoded


class Replayer:
    """Replay an owner's turns against the archive as each of them saw it; nothing is written anywhere.

    Args:
        layers: where everything is read from.
        owner: whose turns.
        change: gives the context of a turn the other settings; None replays with their own alone.
    """

    def __init__(self, layers: Layers, owner: str, change: Change | None = None) -> None:
        self._layers = layers
        self._recorder = Recorder(layers, owner)
        self._change = change

    async def plan(self, since: datetime | None = None, until: datetime | None = None) -> Plan:
        """Find the turns of a half-open range of time, and what stands in the way of replaying some."""
        plan, model = Plan(), self._layers.embeddings.name
        observations = await self._recorder.observations()
        if self._recorder.damaged:
            plan.left_out[Why.DAMAGED] = self._recorder.damaged
        plan.shown = {observation.turn_id: recorded(observation).shown for observation in observations}
        plan.episodes = await self._recorder.episodes(observations)
        for observation in observations:
            wanted = (since is None or observation.at >= since) and (until is None or observation.at < until)
            why = obstacle(observation, plan.episodes, model)
            if why is None and wanted and not await self._recorder.holds_conversation(observation):
                why = Why.CONVERSATION
            if why is None:
                (plan.replayed if wanted else plan.before).append(observation)
            elif wanted:
                plan.left_out[why] += 1
        return plan

    async def run(self, plan: Plan, on_turn: Callable[[], None] = lambda: None) -> AsyncIterator[Replayed]:
        """Replay, one turn after the other.

        Args:
            plan: which turns.
            on_turn: called for each turn of `plan.in_order()`, also those that are only read.
        """
        wanted, ordered = plan.wanted, plan.in_order()
        needed = wanted | leading_up(ordered, wanted)
        past = self._layers.episodes.past(owner=self._recorder.owner)
        past.count(plan.shown)
        run = _Run(self._layers, PastRecall(past), self._change, plan.shown)
        try:
            for observation in ordered:
                turn = None
                if observation.turn_id in needed:
                    episode = plan.episodes[observation.turn_id]
                    turn = await self._recorder.turn(observation, episode, plan.shown)
                if turn is not None:
                    replayed = await run(turn)
                    if observation.turn_id in wanted:
                        yield replayed
                elif observation.seen is not None:
                    await past.grow(observation.seen)
                on_turn()
        finally:
            await past.close()


class _Run:
    """What goes on from turn to turn in each thread: memories that were shown, and those shown in vain."""

    def __init__(
        self,
        layers: Layers,
        remembering: PastRecall,
        change: Change | None,
        shown: Mapping[str, Sequence[str]],
    ) -> None:
        self._shown = shown
        self._shown_changed: ChainMap[str, Sequence[str]] = ChainMap({}, dict(shown))
        self._layers = layers
        self._remembering = remembering
        self._change = change
        self._unused: dict[str, Sequence[Unused]] = {}
        self._unused_changed: dict[str, Sequence[Unused]] = {}

    async def __call__(self, turn: RecordedTurn) -> Replayed:
        observation, thread = turn.observation, turn.observation.thread
        context, known = context_of(observation), recorded(observation)
        recall = await self._remembering(turn, context, context)
        recall = replace(recall, carried=shown_right_before(turn, self._shown))
        state = await self._decided(turn, context, recall, self._unused.get(thread, ()))
        self._unused[thread] = unused_memories(_as_shown(state, known.kept))
        changed = state
        if self._change is not None:
            other = self._change(context)
            if not searches_alike(context, other):
                recall = await self._remembering(turn, other, context)
            recall = replace(recall, carried=shown_right_before(turn, self._shown_changed))
            changed = await self._decided(turn, other, recall, self._unused_changed.get(thread, ()))
            self._shown_changed[observation.turn_id] = decided(changed).shown
            self._unused_changed[thread] = unused_memories(changed)
        return Replayed(
            turn=turn,
            recorded=known,
            again=decided(state),
            state=state,
            changed=decided(changed),
            changed_state=changed,
        )

    async def _decided(
        self, turn: RecordedTurn, context: TurnContext, recall: Recall, shown: Sequence[Unused]
    ) -> State:
        state: State = {
            "messages": [],
            "turn": _turn(turn),
            "conversation": turn.conversation(context.l2_cap),
            "recall": recall,
            "persona": Persona(text=""),
            "fact_sheet": FactSheet(facts=tuple(turn.facts)),
            "unused": shown,
            "reply": Reply(text=turn.episode.reply, outcome=turn.observation.outcome),
        }
        named, state["calibration"] = await find_calibration(self._layers.live, context, recall.query.model)
        shares = turn.observation.shares
        inputs = BudgetInputs(shares.fixed, await self._layers.tokens.ready(), turn.zone, shares.space)
        return await asyncio.to_thread(decide, state, context, inputs, named)


def shown_right_before(turn: RecordedTurn, shown: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return what the thread's last turn was shown, if it was right before; see `nodes.prefetch`."""
    if not turn.earlier or turn.observation.at - turn.earlier[-1].at > RECENT:
        return ()
    return tuple(shown.get(turn.earlier[-1].turn_id, ()))


def searches_alike(one: TurnContext, other: TurnContext) -> bool:
    """Say whether two contexts ask the archive the same."""
    return one.fusion == other.fusion and search_limit(one) == search_limit(other)


def _as_shown(state: State, kept: frozenset[str]) -> State:
    """Return the state with the memories that the turn was really shown."""
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
