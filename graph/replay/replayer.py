"""Replay of the memory decisions of past turns, with their own settings or with others."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from itertools import groupby

from graph.layers import Layers
from graph.replay.recorded_turns import RecordedTurnReader, imported_in
from graph.replay.replay_plan import Obstacle, ReplayPlan, find_obstacle, preceding_turns
from graph.replay.replay_run import Change, ReplayedTurn, Run
from memory.episodic.search.past_archive import PastArchive
from memory.models import SUPERSEDED, Episode
from memory.observation.observation import Observation


class Replayer:
    """Replays an owner's turns against the archive as each turn saw it; writes nothing.

    Args:
        layers: the stores to read.
        owner: owner of the turns.
        change: applies the other settings to a turn's context; None replays with the turn's own only.
    """

    def __init__(self, layers: Layers, owner: str, change: Change | None = None) -> None:
        self._layers = layers
        self._reader = RecordedTurnReader(layers, owner)
        self._change = change

    async def plan(self, since: datetime | None = None, until: datetime | None = None) -> ReplayPlan:
        """Find the turns in a half-open time range, and count those that cannot be replayed by reason."""
        plan, model = ReplayPlan(), self._layers.embeddings.name
        observations = await self._reader.observations()
        if self._reader.damaged:
            plan.left_out[Obstacle.DAMAGED] = self._reader.damaged
        plan.shown = {observation.turn_id: observation.shown for observation in observations}
        plan.episodes = await self._reader.episodes(observations)
        for observation in observations:
            wanted = _is_within(observation, since, until)
            why = find_obstacle(observation, plan.episodes, model)
            if why is None and wanted:
                thread = await self._reader.thread(observation)
                why = None if thread.holds(observation) else Obstacle.CONVERSATION
            if why is None:
                (plan.replayed if wanted else plan.before).append(observation)
            elif wanted:
                plan.left_out[why] += 1
        not_asked = await self._not_asked(plan)
        if waiting := sum(_is_within(one, since, until) for one in not_asked):
            plan.left_out[Obstacle.IMPORTED] = waiting
        plan.outside = len(not_asked) - waiting
        plan.outside += sum(not _is_within(one, since, until) for one in observations)
        return plan

    async def _not_asked(self, plan: ReplayPlan) -> list[Episode]:
        """Return the imported messages without a record."""
        threads = (await self._reader.imports()).values()
        return [one for some in threads for one in some if can_ask(one) and one.turn_id not in plan.shown]

    async def run(
        self, plan: ReplayPlan, on_turn: Callable[[], None] = lambda: None
    ) -> AsyncIterator[ReplayedTurn]:
        """Replay a plan's turns one by one.

        Args:
            plan: the result of `plan`.
            on_turn: called for each turn of `plan.in_order()`, replayed or not.
        """
        wanted, ordered = plan.wanted, plan.in_order()
        needed = wanted | preceding_turns(ordered, wanted)
        for asked_in, observations in groupby(ordered, key=imported_in):
            past = self._past(is_dated=asked_in is not None)
            past.count(plan.shown)
            run = Run(self._layers, past, plan.shown, self._change)
            try:
                for observation in observations:
                    turn = None
                    if observation.turn_id in needed:
                        episode = plan.episodes[observation.turn_id]
                        turn = await self._reader.turn(observation, episode, plan.shown)
                    if turn is not None:
                        replayed = await run(turn)
                        if observation.turn_id in wanted:
                            yield replayed
                    elif observation.seen is not None:
                        await past.grow(observation.seen)
                    on_turn()
            finally:
                await past.close()

    def _past(self, *, is_dated: bool) -> PastArchive:
        episodes, owner = self._layers.episodes, self._reader.owner
        return episodes.dated(owner=owner) if is_dated else episodes.past(owner=owner)


def _is_within(one: Observation | Episode, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or one.at >= since) and (until is None or one.at < until)


def can_ask(episode: Episode) -> bool:
    """Return True when an imported episode has a message to ask again."""
    return bool(episode.said.strip()) and SUPERSEDED not in episode.tags
