"""Comparison of the conversation that a client sends with the thread's turns."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from bot.serve.chat_request import Exchange
from memory.models import ConversationTurn

MOST_TURNS = 2000
"""As many as a thread keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """How a client's conversation differs from the thread."""

    replaced: ConversationTurn | None
    """The turn in whose place the new message stands: it was edited, or is to be answered anew."""
    left: tuple[str, ...]
    """Turns that the client no longer shows, with the replaced one."""
    unknown: tuple[Exchange, ...]
    """What the client shows and the thread does not hold."""


def match_thread(turns: Sequence[ConversationTurn], history: Sequence[Exchange]) -> Match:
    """Compare a thread's turns, oldest first, with the client's conversation before its new message.

    Only the user's messages are compared: clients change the answers. Turns before the first one that the
    client sends are not missed, since clients cut long conversations at their beginning.
    """
    held, sent = [_key(turn.message) for turn in turns], [_key(one.message) for one in history]
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
    """Let a message sent without its conversation follow the last turn; repeated, it takes its place."""
    last = turns[-1] if turns and _key(turns[-1].message) == _key(message) else None
    return Match(replaced=last, left=(last.turn_id,) if last else (), unknown=())


def _key(message: str) -> str:
    return " ".join(message.split())
