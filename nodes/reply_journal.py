"""The journal of a streaming reply, from which a turn that is stopped or killed is archived."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from graph.model.tool_rounds import exchange_of, is_tainted, results_of
from graph.state.turn_state import State
from memory.concurrency.tasks import Background
from memory.errors import MemoryTierError
from memory.text.text import clean
from memory.working.redis_journal import JournalEntry, RedisJournal
from nodes.archive import unfinished_episode

WRITE_SECONDS = 0.5
"""Least time between two writes."""
HearText = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ReplyJournal:
    """Updates a turn's journal entry while its reply streams."""

    entries: RedisJournal
    background: Background

    @asynccontextmanager
    async def following(self, state: State, on_text: HearText) -> AsyncIterator[HearText]:
        """Write the text streamed in the block to the journal, also when the block is cancelled."""
        pieces = [f"{one.text}\n\n" for one in exchange_of(state).rounds if one.text]
        name = object()  # a task for each call

        def hear(text: str) -> None:
            on_text(text)
            pieces.append(text)
            self.background.joined(name, partial(self._note_soon, state, pieces))

        try:
            yield hear
        finally:
            await self._note(state, pieces)

    async def _note_soon(self, state: State, pieces: Sequence[str]) -> None:
        await asyncio.sleep(WRITE_SECONDS)
        await self._note(state, pieces)

    async def _note(self, state: State, pieces: Sequence[str]) -> None:
        if not pieces and not results_of(state):
            return  # keep the partial reply of the run before a crash
        with suppress(MemoryTierError):  # a note never fails a reply
            await self.entries.update(_entry(state, pieces))


def _entry(state: State, pieces: Sequence[str]) -> JournalEntry:
    text = clean("".join(pieces)).strip()
    episode = unfinished_episode(state["turn"], text, foreign=is_tainted(state))
    return JournalEntry(episode=episode, evidence=[result.evidence for result in results_of(state)])
