"""Archive the turn after the reply: first in L3's log, then in L2 and derived data."""

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from langgraph.runtime import Runtime

from graph.model.tool_rounds import is_tainted, results_of
from graph.observability.turn_recorder import TurnRecorder
from graph.settings.context import TurnContext
from graph.state.circumstances import has_reply
from graph.state.recall import conversation_of, recalled_of
from graph.state.turn_state import Archived, Reply, State, Turn, Unused
from graph.state.updates import ArchiveUpdate
from memory.models import FOREIGN, Candidate, ConversationTurn, Episode, Outcome
from memory.provenance import worth_keeping
from memory.recall.statements import is_used
from memory.working.redis_journal import JournalEntry, RedisJournal
from nodes.turn_writer import TurnWriter

UNUSED_TURNS = 3
"""Turns during which an unused memory is not shown again."""

_RUN_WORDS = 5
"""Consecutive words that a text must share with another to repeat it. A guess: few commands are shorter."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Archive:
    """Archive the turn verbatim, unless it is private. The node may run again, see `TurnWriter`."""

    writer: TurnWriter
    recorder: TurnRecorder
    journal: RedisJournal | None = None
    """Turns that a server runs; None where turns that were cut off are resumed."""

    async def __call__(self, state: State, runtime: Runtime[TurnContext]) -> ArchiveUpdate:
        turn, reply = state["turn"], state["reply"]
        if turn.private:
            nowhere = Archived(turn_id=turn.turn_id, conversation=False, episode=False)
            return {"archived": nowhere, "unused": ()}
        foreign = is_tainted(state) and await asyncio.to_thread(has_foreign_text, state)
        episode = to_episode(turn, reply, foreign=foreign)
        in_vain, new_episode = await asyncio.gather(
            asyncio.to_thread(unused_memories, state),
            self.writer.episodes.append(episode, state["allocation"].recalled),
        )
        new_turn, _ = await asyncio.gather(
            self.writer.to_conversation(episode, [one.evidence for one in results_of(state)], in_vain),
            self.writer.update_derived(turn.owner),
        )
        self.recorder.schedule(state, runtime.context)
        if self.journal is not None:
            await self.journal.remove(turn.turn_id, owner=turn.owner)
        archived = Archived(turn_id=turn.turn_id, conversation=new_turn, episode=new_episode)
        return {"archived": archived, "unused": in_vain}

    async def finish(self, state: State, runtime: Runtime[TurnContext]) -> None:
        """Archive a turn whose episode or conversation entry is missing after a crash."""
        turn = state["turn"]
        found = await self.writer.episodes.get([turn.turn_id], owner=turn.owner)
        if not found or await self.complete(state, found[0]):
            await self(state, runtime)

    async def complete(self, state: State, episode: Episode) -> bool:
        """Append to L2 a turn whose episode was committed before a crash; return True if it was missing."""
        if not matches_archive(state, episode):
            return False
        in_vain = await asyncio.to_thread(unused_memories, state)
        evidence = [one.evidence for one in results_of(state)]
        return await self.writer.to_conversation(episode, evidence, in_vain)

    async def begin(self, turn: Turn) -> None:
        """Note a turn in the journal, after archiving the thread's turns that were left unfinished.

        A turn that runs again keeps its partial reply until the model writes a new one.
        """
        if self.journal is None or turn.private:
            return
        noted = False
        for entry in await self.journal.of_owner(turn.owner):
            if entry.episode.turn_id == turn.turn_id:
                noted = entry.episode.message == turn.message
            elif entry.episode.thread == turn.thread:
                await self.write_unfinished(entry)
        if not noted:
            await self.journal.add(JournalEntry(episode=unfinished_episode(turn, "", foreign=False)))

    async def write_unfinished(self, entry: JournalEntry) -> None:
        """Archive a turn from its journal entry, unless it was already archived with another reply."""
        await self.writer.write(entry.episode, entry.evidence)
        if self.journal is not None:
            await self.journal.remove(entry.episode.turn_id, owner=entry.episode.owner)


def unused_memories(state: State) -> list[Unused]:
    """Return the memories that this turn and recent ones were shown and did not use."""
    turn, reply = state["turn"], state["reply"]
    still = [replace(shown, turns_left=shown.turns_left - 1) for shown in state.get("unused", ())]
    found = {shown.turn_id: shown for shown in still if shown.turns_left > 0}
    if reply.outcome is not Outcome.ANSWERED:
        return list(found.values())
    chances = {decision.turn_id: decision.probability for decision in state["decisions"]}
    for memory in recalled_of(state):
        found.pop(memory.turn_id, None)
        if not is_used(f"{memory.said} {memory.reply}", reply=reply.text, message=turn.said):
            found[memory.turn_id] = Unused(
                turn_id=memory.turn_id,
                probability=chances.get(memory.turn_id, 0.0),
                turns_left=UNUSED_TURNS,
            )
    return list(found.values())


def needs_archiving(state: State) -> bool:
    """Return True when the turn in `state` was answered but never archived, unless it is an experiment.

    This happens when the process is killed in between and a LangGraph server then gets a new message for
    the thread: the server drops pending work.
    """
    turn, archived = state.get("turn"), state.get("archived")
    if turn is None or turn.experiment or (archived is not None and archived.turn_id == turn.turn_id):
        return False
    return has_reply(state["messages"], turn.turn_id)


def matches_archive(state: State, episode: Episode) -> bool:
    """Return True when `state` holds the turn's reply as it was archived."""
    reply = state.get("reply")
    if reply is None or not has_reply(state["messages"], episode.turn_id):
        return False
    return own_words(reply) == episode.reply


def has_foreign_text(state: State) -> bool:
    """Return True when tools read a third party's text, or the reply repeats some from the prompt."""
    if any(result.foreign for result in results_of(state)):
        return True
    past = [[*_texts(turn), *turn.evidence] for turn in conversation_of(state) if turn.foreign]
    past.append([part.text for part in state["turn"].parts if part.foreign])
    recalled = [_texts(memory) for memory in recalled_of(state) if memory.foreign]
    said = "\n".join([state["reply"].text, *(result.evidence for result in results_of(state))])
    return repeats(said, chain.from_iterable(past + recalled))


def _texts(turn: ConversationTurn | Candidate) -> list[str]:
    """Return a turn's texts in the prompt, quotations included."""
    return [turn.message, *(part.text for part in turn.parts), turn.reply]


def own_words(reply: Reply) -> str:
    """Return the text to archive; empty when the reply is recalled text, which is archived already."""
    return "" if reply.outcome is Outcome.RECALLED else reply.text


def to_episode(turn: Turn, reply: Reply, *, foreign: bool = False) -> Episode:
    """Make the turn's episode; recalled text in a reply is not archived again."""
    noted = (reply.outcome.value,) if reply.outcome is not Outcome.ANSWERED else ()
    return Episode(
        turn_id=turn.turn_id,
        owner=turn.owner,
        thread=turn.thread,
        message=turn.message,
        parts=worth_keeping(turn.parts),
        reply=own_words(reply),
        at=turn.at,
        tags=(*turn.tags, *noted, *((FOREIGN,) if foreign else ())),
    )


def unfinished_episode(turn: Turn, text: str, *, foreign: bool) -> Episode:
    """Make the episode of a turn whose reply broke off after `text`."""
    outcome = Outcome.INTERRUPTED if text else Outcome.FAILED
    return to_episode(turn, Reply(text=text, outcome=outcome), foreign=foreign)


def repeats(text: str, sources: Iterable[str]) -> bool:
    """Return True when `text` shares a run of words with a source, ignoring case and punctuation."""

    def runs(words: Sequence[str]) -> Iterable[tuple[str, ...]]:
        return zip(*(words[start:] for start in range(_RUN_WORDS)), strict=False)

    said = set(runs(_WORD.findall(text.casefold())))
    return any(not said.isdisjoint(runs(_WORD.findall(source.casefold()))) for source in sources)
