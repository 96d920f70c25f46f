"""Removal of single turns and facts from every store, and the places that quote them."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from graph.checkpoint.redis_saver import RedisSaver
from graph.layers import Layers
from graph.observability.logs import log_path
from graph.runtime.erasure import PATIENCE, RETRY_SECONDS, OwnerErasure, blank_lines, blank_log_lines
from graph.runtime.fact_removal import FactRemoval, Quotations, clear_exports, marks_of, terminal_history
from graph.runtime.pending_turns import PendingTurns
from memory.errors import GoatError, ThreadBusy
from memory.models import SUPERSEDED
from memory.owners.erasures import NOTHING, Erasure
from memory.permanent.permanent_records import normalize_key
from nodes.archive import repeats

STILL_RUNNING = (
    "A turn does not end in thread {thread}, and may still show what was erased. Its steps are erased at the"
    " next start of an agent; or stop the turn, and forget again."
)
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TurnRemoval:
    """Removes turns and facts, also while turns run."""

    layers: Layers
    saver: RedisSaver
    pending: PendingTurns
    erasure: OwnerErasure

    @property
    def facts(self) -> FactRemoval:
        return FactRemoval(self.layers)

    async def resume(self) -> None:
        """Resume interrupted erasures, of turns and of owners; failures are logged and retried later."""
        for pending in await asyncio.to_thread(self.layers.erasures.pending):
            try:
                if pending.is_whole:
                    await self.erasure(pending.owner)
                else:
                    await self(pending.turn_ids, pending.owner, pending.facts)
            except GoatError as error:
                logger.warning("Erasing an owner failed and will be retried: %s", error)

    async def supersede(self, turn_id: str, *, owner: str) -> None:
        """Take a turn out of its conversation and of recall; exports keep it. Safe to repeat."""
        layers = self.layers
        await layers.episodes.tag(turn_id, SUPERSEDED, owner=owner)
        for episode in await layers.episodes.get([turn_id], owner=owner):
            await layers.conversations.remove([turn_id], owner=owner, thread=episode.thread)
        await layers.cache.drop(owner=owner)

    async def quotations(self, turn_ids: list[str], owner: str) -> Quotations:
        """Find the turns and facts that repeat words of these turns and of their earlier versions."""
        turn_ids = await self.versions(turn_ids, owner)
        removed = [episode.text for episode in await self.layers.episodes.get(turn_ids, owner=owner)]
        others = [one async for one in self.layers.episodes.all(owner=owner) if one.turn_id not in turn_ids]
        quoting = await asyncio.to_thread(lambda: [one for one in others if repeats(one.text, removed)])
        facts = await self.layers.permanent.facts(owner=owner)
        stated = [fact for fact in facts if any(fact.value.casefold() in text.casefold() for text in removed)]
        return Quotations(tuple(quoting), tuple(stated))

    async def versions(self, turn_ids: list[str], owner: str) -> list[str]:
        """Add the earlier versions of edited and retried messages, which only exports show."""
        found: list[str] = []
        while turn_ids:
            found += turn_ids
            former = [one.edit_of for one in await self.layers.episodes.get(turn_ids, owner=owner)]
            turn_ids = [one for one in dict.fromkeys(former) if one and one not in found]
        return found

    async def __call__(
        self, turn_ids: Sequence[str], owner: str, facts: Mapping[str, datetime] = NOTHING
    ) -> tuple[str, ...]:
        """Remove turns of the owner with their earlier versions, and facts with theirs, from every store.

        `facts` maps each key to the time up to which its values are removed. Threads that show them lose
        their checkpoints, not their conversation. Returns what may remain on a disk.

        Raises:
            ThreadBusy: a turn that may show them does not end in another process; the next start finishes it.
            MemoryTierError, DataFolderError: a store cannot be reached or written; as above.
            ValueError: no fact can have one of these keys.
        """
        if not (turn_ids or facts):  # an empty record would mean a whole erasure
            return ()
        turn_ids = await self.versions(list(turn_ids), owner)
        facts = {normalize_key(key): until for key, until in facts.items()}
        with self.layers.erasures.begin(owner, turn_ids, facts) as erasure:
            if erasure.is_whole:  # one that was interrupted
                return await self.erasure.run(erasure)
            await self._remove_turns(erasure)
            await self._clear_derived(erasure)
            turns = [turn_id.encode("utf-8", "surrogatepass") for turn_id in erasure.turn_ids]
            own = [*erasure.threads, *await self.erasure.threads(owner)]
            for thread in dict.fromkeys(own):
                await self._clear_steps(thread, [*turns, *marks_of(erasure.values)])
            if erasure.turn_ids:  # a value may occur in other owners' turns by chance
                for thread in await self.pending.threads():  # a turn that has just begun may be the owner's
                    if thread not in own:
                        await self._clear_steps(thread, turns)
            await self._clear_derived(erasure)  # running turns may have written some of it again
            return await self.erasure.clean()

    async def _clear_derived(self, erasure: Erasure) -> None:
        await self.facts(erasure)
        await self.layers.cache.erase(owner=erasure.owner)
        await self.layers.tool_cache.drop(owner=erasure.owner)
        self.layers.prefetch.forget_owner(erasure.owner)
        turn_ids = list(erasure.turn_ids)
        for thread in erasure.threads:
            await self.layers.conversations.remove(turn_ids, owner=erasure.owner, thread=thread)

    async def _remove_turns(self, erasure: Erasure) -> None:
        layers, owner, turn_ids = self.layers, erasure.owner, list(erasure.turn_ids)
        if not turn_ids:
            return
        episodes = await layers.episodes.get(turn_ids, owner=owner)
        erasure.add(episode.thread for episode in episodes)
        await layers.recorder.flush()
        await asyncio.to_thread(self._clear_files, owner, turn_ids, [one.message for one in episodes])
        await layers.episodes.remove(turn_ids, owner=owner)
        for turn_id in turn_ids:
            await layers.journal.remove(turn_id, owner=owner)
        await layers.reminders.forget(turn_ids, owner=owner)

    async def _clear_steps(self, thread: str, marks: Sequence[bytes]) -> None:
        """Delete the thread's checkpoints if they hold one of the marks, after its turn has ended.

        Raises:
            ThreadBusy: the turn does not end.
        """
        until = time.monotonic() + PATIENCE
        while await self.saver.ais_pending(thread) or await self.saver.amentions(thread, marks):
            try:
                async with self.erasure.hold(thread):
                    if await self.saver.amentions(thread, marks):
                        if await self.pending.runs.readable_snapshot(thread) is not None:
                            await self.pending.finish(thread)
                        await self.saver.adelete_thread(thread)
                break
            except ThreadBusy:
                if time.monotonic() > until:
                    raise ThreadBusy(STILL_RUNNING.format(thread=thread)) from None
            await asyncio.sleep(RETRY_SECONDS)

    def _clear_files(self, owner: str, turn_ids: list[str], messages: list[str]) -> None:
        settings = self.layers.settings
        clear_exports(settings, owner)
        marks = [turn_id.encode("utf-8", "surrogatepass") for turn_id in turn_ids]
        blank_log_lines(
            log_path(settings), settings.log_files, lambda line: any(mark in line for mark in marks)
        )
        # prompt_toolkit splits at "\n" alone.
        typed = {f"+{line}".encode() for message in messages if message for line in message.split("\n")}
        blank_lines(terminal_history(settings, owner), lambda line: line.rstrip(b"\n") in typed)
