"""Removal of single turns from every store, and the places that quote them."""

import asyncio
import logging
import shutil
import time
from dataclasses import dataclass

from graph.checkpoint.redis_saver import RedisSaver
from graph.delegation.state import is_job
from graph.layers import Layers
from graph.observability.logs import log_path
from graph.runtime.erasure import PATIENCE, RETRY_SECONDS, OwnerErasure, blank_lines, blank_log_lines
from graph.runtime.pending_turns import PendingTurns
from graph.settings.settings import exports_folder, terminal_folder
from memory.errors import GoatError, ThreadBusy
from memory.models import Episode, Fact
from memory.owners.erasures import Erasure
from memory.owners.owner_key import owner_key
from nodes.archive import repeats

STILL_RUNNING = (
    "A turn does not end in thread {thread}, and may still show what was erased. Its steps are erased at the"
    " next start of an agent; or stop the turn, and forget again."
)
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Quotations:
    """What repeats the words of some turns, and stays when they are removed."""

    turns: tuple[Episode, ...]
    """Oldest first."""
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class TurnRemoval:
    """Removes turns, also while others run."""

    layers: Layers
    saver: RedisSaver
    pending: PendingTurns
    erasure: OwnerErasure

    async def resume(self) -> None:
        """Resume interrupted erasures, of turns and of owners; failures are logged and retried later."""
        for pending in await asyncio.to_thread(self.layers.erasures.pending):
            try:
                if pending.turn_ids:
                    await self(list(pending.turn_ids), pending.owner)
                else:
                    await self.erasure(pending.owner)
            except GoatError as error:
                logger.warning("Erasing an owner failed and will be retried: %s", error)

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

    async def __call__(self, turn_ids: list[str], owner: str) -> tuple[str, ...]:
        """Remove turns of the owner, and their earlier versions, from every store.

        Returns what may remain on a disk. Threads that show them lose their steps, not their conversation.

        Raises:
            ThreadBusy: a turn that may show them does not end in another process; the next start finishes it.
            MemoryTierError, DataFolderError: a store cannot be reached or written; as above.
        """
        if not turn_ids:  # without ids, the record would be that of a whole erasure
            return ()
        layers, turn_ids = self.layers, await self.versions(turn_ids, owner)
        with layers.erasures.begin(owner, turn_ids) as erasure:
            if not erasure.turn_ids:  # an interrupted erasure of everything
                return await self.erasure.run(erasure)
            turn_ids = list(erasure.turn_ids)
            episodes = await layers.episodes.get(turn_ids, owner=owner)
            erasure.add(episode.thread for episode in episodes)
            await layers.recorder.flush()
            await asyncio.to_thread(self._clear_files, owner, turn_ids, [one.message for one in episodes])
            await layers.episodes.remove(turn_ids, owner=owner)
            for turn_id in turn_ids:
                await layers.journal.remove(turn_id, owner=owner)
            await layers.reminders.forget(turn_ids, owner=owner)
            await layers.cache.erase(owner=owner)
            layers.prefetch.forget_owner(owner)
            await self._clear_conversations(erasure, turn_ids)
            for thread in dict.fromkeys([*erasure.threads, *await self._threads(owner)]):
                await self._clear_steps(thread, turn_ids)
            await self._clear_conversations(erasure, turn_ids)  # a running turn may be one of them
            return await self.erasure.clean()

    async def _clear_conversations(self, erasure: Erasure, turn_ids: list[str]) -> None:
        for thread in erasure.threads:
            await self.layers.conversations.remove(turn_ids, owner=erasure.owner, thread=thread)

    async def _threads(self, owner: str) -> list[str]:
        """List the threads that may show the owner's turns."""
        pending = [thread for thread in await self.saver.apending() if not is_job(thread)]
        return [*await self.erasure.threads(owner), *pending]

    async def _clear_steps(self, thread: str, turn_ids: list[str]) -> None:
        """Delete the thread's checkpoints if they show the turns, after its turn has ended.

        Raises:
            ThreadBusy: the turn does not end.
        """
        until = time.monotonic() + PATIENCE
        while await self._may_show(thread, turn_ids):
            try:
                await self._clear_held(thread, turn_ids)
                break
            except ThreadBusy:
                if time.monotonic() > until:
                    raise ThreadBusy(STILL_RUNNING.format(thread=thread)) from None
            await asyncio.sleep(RETRY_SECONDS)

    async def _clear_held(self, thread: str, turn_ids: list[str]) -> None:
        async with self.erasure.hold(thread):
            if await self.saver.amentions(thread, turn_ids):
                await self.pending.finish(thread)
                await self.saver.adelete_thread(thread)

    async def _may_show(self, thread: str, turn_ids: list[str]) -> bool:
        return await self.saver.ais_pending(thread) or await self.saver.amentions(thread, turn_ids)

    def _clear_files(self, owner: str, turn_ids: list[str], messages: list[str]) -> None:
        settings = self.layers.settings
        shutil.rmtree(exports_folder(settings, owner), ignore_errors=True)
        marks = [turn_id.encode("utf-8", "surrogatepass") for turn_id in turn_ids]
        blank_log_lines(
            log_path(settings), settings.log_files, lambda line: any(mark in line for mark in marks)
        )
        typed = {f"+{line}".encode() for message in messages for line in message.splitlines()}
        history = terminal_folder(settings) / f"{owner_key(owner)}.history"
        blank_lines(history, lambda line: line.rstrip(b"\n") in typed)
