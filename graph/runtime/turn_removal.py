"""Removal of single turns and facts from every store, and the places that quote them."""

import asyncio
import logging
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
from memory.permanent.store_rules import identifier, normalize_key
from nodes.archive import repeats

STILL_RUNNING = (
    "A turn does not end in thread {thread}, and may still show what was erased. Its steps are erased at the"
    " next start of an agent; or stop the turn, and forget again."
)
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Quotations:
    """What repeats the words of some turns or facts, and stays when they are removed."""

    turns: tuple[Episode, ...]
    """Oldest first."""
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class TurnRemoval:
    """Removes turns and facts, also while turns run."""

    layers: Layers
    saver: RedisSaver
    pending: PendingTurns
    erasure: OwnerErasure

    async def resume(self) -> None:
        """Resume interrupted erasures, of turns and of owners; failures are logged and retried later."""
        for pending in await asyncio.to_thread(self.layers.erasures.pending):
            try:
                if pending.is_whole:
                    await self.erasure(pending.owner)
                else:
                    await self(pending.turn_ids, pending.owner, pending.keys)
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

    async def versions_of_fact(self, key: str, owner: str) -> list[Fact]:
        """Return every value that a fact has or had, newest first; empty without such a fact."""
        try:
            return await self.layers.permanent.history(key, owner=owner)
        except ValueError:  # no fact can have this key
            return []

    async def quotations_of_fact(self, key: str, owner: str) -> Quotations:
        """Find the turns and the other facts that repeat a value which this fact has or had."""
        permanent, episodes = self.layers.permanent, self.layers.episodes
        values = {fact.value.casefold() for fact in await self.versions_of_fact(key, owner)}

        def states(text: str) -> bool:
            return any(value in text.casefold() for value in values)

        turns = [one async for one in episodes.all(owner=owner) if states(one.text)]
        name = identifier(key)
        others = [one for one in await permanent.facts(owner=owner) if identifier(one.key) != name]
        return Quotations(tuple(turns), tuple(one for one in others if states(one.value)))

    async def __call__(
        self, turn_ids: Sequence[str], owner: str, keys: Sequence[str] = ()
    ) -> tuple[str, ...]:
        """Remove turns of the owner with their earlier versions, and facts with theirs, from every store.

        Returns what may remain on a disk. Threads that show them lose their steps, not their conversation.

        Raises:
            ThreadBusy: a turn that may show them does not end in another process; the next start finishes it.
            MemoryTierError, DataFolderError: a store cannot be reached or written; as above.
            ValueError: no fact can have one of these keys.
        """
        if not (turn_ids or keys):  # the record would be that of a whole erasure
            return ()
        turn_ids = await self.versions(list(turn_ids), owner)
        keys = list(map(normalize_key, keys))
        with self.layers.erasures.begin(owner, turn_ids, keys) as erasure:
            if erasure.is_whole:  # an interrupted one
                return await self.erasure.run(erasure)
            await self._remove_facts(erasure)
            await self._remove_turns(erasure)
            await self.layers.cache.erase(owner=owner)
            await self.layers.tool_cache.drop(owner=owner)
            self.layers.prefetch.forget_owner(owner)
            await self._clear_conversations(erasure)
            for thread in dict.fromkeys([*erasure.threads, *await self._threads(owner)]):
                await self._clear_steps(thread, [*erasure.turn_ids, *erasure.values])
            await self._clear_conversations(erasure)  # a running turn may be one of them
            return await self.erasure.clean()

    async def _remove_facts(self, erasure: Erasure) -> None:
        permanent, owner = self.layers.permanent, erasure.owner
        if erasure.keys:
            versions = [one for key in erasure.keys for one in await permanent.history(key, owner=owner)]
            erasure.add(values=[one.value for one in versions])
            await permanent.erase_facts(erasure.keys, owner=owner)
            await asyncio.to_thread(self._clear_exports, owner)
            await asyncio.to_thread(self._clear_remembered, owner, erasure.values)

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

    async def _clear_conversations(self, erasure: Erasure) -> None:
        for thread in erasure.threads:
            turn_ids = list(erasure.turn_ids)
            await self.layers.conversations.remove(turn_ids, owner=erasure.owner, thread=thread)

    async def _threads(self, owner: str) -> list[str]:
        """List the threads that may show the owner's turns."""
        pending = [thread for thread in await self.saver.apending() if not is_job(thread)]
        return [*await self.erasure.threads(owner), *pending]

    async def _clear_steps(self, thread: str, texts: list[str]) -> None:
        """Delete the thread's checkpoints if they hold one of the texts, after its turn has ended.

        Raises:
            ThreadBusy: the turn does not end.
        """
        until = time.monotonic() + PATIENCE
        while await self._may_show(thread, texts):
            try:
                await self._clear_held(thread, texts)
                break
            except ThreadBusy:
                if time.monotonic() > until:
                    raise ThreadBusy(STILL_RUNNING.format(thread=thread)) from None
            await asyncio.sleep(RETRY_SECONDS)

    async def _clear_held(self, thread: str, texts: list[str]) -> None:
        async with self.erasure.hold(thread):
            if await self.saver.amentions(thread, texts):
                await self.pending.finish(thread)
                await self.saver.adelete_thread(thread)

    async def _may_show(self, thread: str, texts: list[str]) -> bool:
        return await self.saver.ais_pending(thread) or await self.saver.amentions(thread, texts)

    def _clear_exports(self, owner: str) -> None:
        shutil.rmtree(exports_folder(self.layers.settings, owner), ignore_errors=True)

    def _clear_files(self, owner: str, turn_ids: list[str], messages: list[str]) -> None:
        settings = self.layers.settings
        self._clear_exports(owner)
        marks = [turn_id.encode("utf-8", "surrogatepass") for turn_id in turn_ids]
        blank_log_lines(
            log_path(settings), settings.log_files, lambda line: any(mark in line for mark in marks)
        )
        typed = {f"+{line}".encode() for message in messages for line in message.splitlines()}
        blank_lines(self._history(owner), lambda line: line.rstrip(b"\n") in typed)

    def _clear_remembered(self, owner: str, values: Sequence[str]) -> None:
        """Blank the commands in the terminal's history that wrote one of these facts."""
        typed = [value.encode() for value in values]
        blank_lines(
            self._history(owner),
            lambda line: line.startswith(b"+/remember ") and any(value in line for value in typed),
        )

    def _history(self, owner: str) -> Path:
        return terminal_folder(self.layers.settings) / f"{owner_key(owner)}.history"
