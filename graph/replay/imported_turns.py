"""Imported messages, asked again in order: each searches only what was said before it.

No model is called. The search and its decisions are recorded like those of an answered turn, for replay and
tuning.
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from graph.layers import Layers
from graph.observability.turn_recorder import observe
from graph.replay.recorded_turns import RecordedTurnReader
from graph.replay.replay_run import Run
from graph.replay.replayer import can_ask
from graph.settings.context import TurnContext
from memory.models import Episode, Outcome, Seen
from memory.observation.observation import Observation, Shares
from memory.prompt.prompt import render_system


class NotAsked(StrEnum):
    """A reason why an imported turn is not asked again."""

    ASKED = "asked again before"
    NO_MESSAGE = "without a message, or replaced by a later version"


@dataclass(slots=True)
class ImportPlan:
    """The imported messages to ask again, oldest first."""

    messages: list[Episode] = field(default_factory=list)
    left_out: Counter[NotAsked] = field(default_factory=Counter)
    shown: dict[str, Sequence[str]] = field(default_factory=dict)
    """Memories shown in earlier turns, by turn id."""


class ImportedTurns:
    """Asks an owner's imported messages again; after an interruption, the next run continues.

    Args:
        layers: the stores; only observations are written.
        owner: owner of the imported messages.
        context: the settings to decide with.
    """

    def __init__(self, layers: Layers, owner: str, context: TurnContext) -> None:
        self._layers = layers
        self._reader = RecordedTurnReader(layers, owner)
        self._context = context.model_copy(update={"owner": owner})

    async def plan(self) -> ImportPlan:
        """Find the messages that were not asked with the current embedding model."""
        plan, model = ImportPlan(), self._layers.embeddings.name
        observations = {one.turn_id: one for one in await self._reader.observations()}
        plan.shown = {turn_id: one.shown for turn_id, one in observations.items()}
        for thread in (await self._reader.imports()).values():
            for episode in thread:
                asked = observations.get(episode.turn_id)
                if not can_ask(episode):
                    plan.left_out[NotAsked.NO_MESSAGE] += 1
                elif asked is not None and asked.model_of_vectors in ("", model):
                    plan.left_out[NotAsked.ASKED] += 1
                else:
                    plan.messages.append(episode)
        plan.messages.sort(key=lambda one: (one.at, one.turn_id))
        return plan

    async def run(self, plan: ImportPlan) -> AsyncIterator[Observation]:
        """Index what is pending, then ask and record the plan's messages one by one."""
        if not plan.messages:
            return
        owner, layers = self._reader.owner, self._layers
        await layers.episodes.index(owner=owner)
        past = layers.episodes.dated(owner=owner)
        past.count(plan.shown)
        fixed = (await layers.tokens.ready())(render_system(layers.settings.identity, (), layers.zone))
        try:
            latest, run = await past.latest(), Run(layers, past, plan.shown)
            for episode in plan.messages:
                unasked = self._unasked(episode, Seen(episodes=latest, until=episode.at), fixed)
                found = await self._ask(run, await self._placed(unasked), episode)
                plan.shown[episode.turn_id] = found.shown
                await layers.observations.replace(found, owner=owner)
                yield found
        finally:
            await past.close()

    async def _ask(self, run: Run, unasked: Observation, episode: Episode) -> Observation:
        """Search and decide with an observation that holds only what was known before."""
        threads = await self._reader.imports()
        turn = await self._reader.turn(unasked, episode, {one.turn_id for one in threads[episode.thread]})
        if turn is None:
            raise LookupError(f"the imported turn {episode.turn_id} is not in its own thread")
        return observe((await run(turn)).state, self._context, {}, self._layers.zone)

    def _unasked(self, episode: Episode, seen: Seen, fixed: int) -> Observation:
        return Observation(
            turn_id=episode.turn_id,
            owner=episode.owner,
            thread=episode.thread,
            at=episode.at,
            outcome=Outcome.ANSWERED if episode.reply else Outcome.FAILED,
            shares=Shares(fixed=fixed),
            thresholds=self._context.plain(),
            seen=seen,
            facts=(),
            zone=str(self._layers.zone),
        )

    async def _placed(self, unasked: Observation) -> Observation:
        """Add the turn before it in its thread."""
        thread = await self._reader.thread(unasked)
        place = thread.places[unasked.turn_id]
        return replace(unasked, last_turn=thread.turns[place - 1].turn_id if place else "")
