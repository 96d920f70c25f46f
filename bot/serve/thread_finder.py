"""The thread of a client's conversation, and the differences between the two.

* `goat:serve:opening:DIGEST`   thread that begins with a message, or with a message and its answer
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from bot.serve.chat_request import ClientExchange
from graph.runtime.agent import Agent
from graph.state.circumstances import thread_id
from memory.models import ConversationTurn
from memory.text.text import digest
from memory.working.redis_connection import translate_errors

MOST_TURNS = 2000
"""Maximum number of messages that are compared; a thread keeps as many turns."""

EVERY_TOKEN = 10**9
_CHANNEL = "openai"
_KEPT_SECONDS = 90 * 24 * 60 * 60
_AGAIN_SECONDS = 10 * 60
"""Time in which a conversation that begins with the same message counts as a retry of that message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """How a client's conversation differs from the thread."""

    replaced: ConversationTurn | None
    """The turn that the new message replaces, because it was edited or is retried."""
    left: tuple[str, ...]
    """Turns that the client no longer shows, with the replaced one."""
    unknown: tuple[ClientExchange, ...]
    """Messages and answers that only the client has."""


def match_thread(turns: Sequence[ConversationTurn], history: Sequence[ClientExchange]) -> Match:
    """Compare a thread's turns, oldest first, with the client's conversation before its new message.

    Only the user's messages are compared: clients change the answers. Turns before the first one that the
    client sends do not count as removed, since clients cut long conversations at their beginning.
    """
    held, sent = (
        [_message_key(turn.message) for turn in turns],
        [_message_key(one.message) for one in history],
    )
    blocks = SequenceMatcher(None, held, sent, autojunk=False).get_matching_blocks()
    kept = {block.a + number for block in blocks for number in range(block.size)}
    known = {block.b + number for block in blocks for number in range(block.size)}
    begin = blocks[0].a if blocks[0].size and not blocks[0].b else 0
    gone = [number for number in range(begin, len(turns)) if number not in kept]
    after = [number for number in gone if number > max(kept, default=-1)]
    continues = not history or len(history) - 1 in known
    return Match(
        replaced=turns[after[0]] if after and continues else None,
        left=tuple(turns[number].turn_id for number in gone),
        unknown=tuple(one for number, one in enumerate(history) if number not in known),
    )


def follow_thread(turns: Sequence[ConversationTurn], message: str) -> Match:
    """Match a message sent without its conversation: it follows the last turn, or replaces an equal one."""
    last = turns[-1] if turns and _message_key(turns[-1].message) == _message_key(message) else None
    return Match(replaced=last, left=(last.turn_id,) if last else (), unknown=())


def _message_key(message: str) -> str:
    return " ".join(message.split())


@dataclass(frozen=True, slots=True)
class ThreadFinder:
    """Finds threads by the client's id of the conversation, else by how the conversation begins.

    Clients without such an id begin many conversations with the same message: two of them share a thread only
    if the first went no further than that message, minutes ago.
    """

    agent: Agent

    async def find(
        self, owner: str, chat_id: str, history: Sequence[ClientExchange], message: str, *, retried: bool
    ) -> str:
        """Return the thread of a conversation; a new one if it has just begun.

        `retried` says that the client repeats a request by itself.
        """
        if chat_id:
            return thread_id(_CHANNEL, owner, "chat", chat_id)
        if history:
            opening = _opening(owner, history[0].message, history[0].reply)
            return await self._noted(opening, _KEPT_SECONDS) or thread_id(_CHANNEL, owner, "opening", opening)
        opening = _opening(owner, message)
        if (thread := await self._noted(opening)) and await self._may_repeat(owner, thread, retried=retried):
            return thread
        thread = thread_id(_CHANNEL, owner, "begun", uuid.uuid4().hex)
        await self._note(opening, thread, _AGAIN_SECONDS)
        return thread

    async def note(self, owner: str, thread: str, message: str, reply: str) -> None:
        """Note the first answer of a conversation, by which its next request is recognised."""
        await self._note(_opening(owner, message, reply), thread, _KEPT_SECONDS)

    async def turns(self, owner: str, thread: str) -> list[ConversationTurn]:
        """Return the thread's turns, oldest first."""
        read = self.agent.layers.conversations.window
        return await read(owner=owner, thread=thread, max_tokens=EVERY_TOKEN)

    async def _may_repeat(self, owner: str, thread: str, *, retried: bool) -> bool:
        count = len(await self.turns(owner, thread))
        return count == 1 or (retried and not count)

    @translate_errors()
    async def _noted(self, opening: str, seconds: int | None = None) -> str:
        """Return the noted thread, or ""; `seconds` keeps the note for longer."""
        client = await self.agent.layers.redis.client()
        found = await client.getex(_key(opening), ex=seconds)
        return found.decode() if isinstance(found, bytes) else ""

    @translate_errors()
    async def _note(self, opening: str, thread: str, seconds: int) -> None:
        client = await self.agent.layers.redis.client()
        await client.set(_key(opening), thread, ex=seconds)


def _key(opening: str) -> str:
    return f"goat:serve:opening:{opening}"


def _opening(owner: str, *texts: str) -> str:
    """Return a digest of a conversation's beginning, without white space, which clients change."""
    return digest(json.dumps([owner, *(" ".join(text.split()) for text in texts)]))
