"""LoCoMo: conversations between two people over many sessions."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from bot.importers.source import Field, read_json, stable_id
from memory.models import Episode

_SESSION = re.compile(r"session_(\d+)")
_LONGEST_NUMBER = 9
"""Most digits of a session number."""
_STEP = timedelta(minutes=1)


def read_locomo(path: Path, owner: str) -> Iterator[tuple[str, Iterator[Episode]]]:
    """Yield each conversation of the file as its id and its episodes in order."""
    whole = read_json(path)
    seen: set[str] = set()
    for number, sample in enumerate(whole.items() if isinstance(whole.value, list) else [whole]):
        named = sample.find("sample_id")
        name = named.name() if named else f"{path.stem}-{number + 1}"
        if named and name in seen:
            raise named.bad("an id that no other conversation of the file has")
        seen.add(name)
        yield name, _episodes(sample.find("conversation") or sample, owner, name)


def _episodes(conversation: Field, owner: str, name: str) -> Iterator[Episode]:
    for session in _sessions(conversation):
        yield from _session(conversation, session, owner, name)


def _sessions(conversation: Field) -> list[str]:
    found = {key: match[1] for key in conversation.names() if (match := _SESSION.fullmatch(key))}
    if not found:
        raise conversation.bad('an object with "session_1", "session_1_date_time", ...')
    if any(len(number) > _LONGEST_NUMBER for number in found.values()):
        raise conversation.bad(f"sessions with numbers of at most {_LONGEST_NUMBER} digits", "a longer one")
    return sorted(found, key=lambda key: int(found[key]))


def _session(conversation: Field, session: str, owner: str, name: str) -> Iterator[Episode]:
    turns = conversation.get(session).items()
    began = conversation.get(f"{session}_date_time").time() if turns else None
    position = 0
    while began is not None and position < len(turns):
        pair = turns[position : position + 2]
        if len(pair) == 2 and _speaker(pair[0]) == _speaker(pair[1]):  # noqa: PLR2004
            pair = pair[:1]
        said = [_text_of(turn) for turn in pair]
        yield Episode(
            turn_id=stable_id("locomo", owner, name, session, position),
            owner=owner,
            thread=stable_id("locomo", owner, name, session),
            message=said[0],
            reply="".join(said[1:]),
            at=began + position * _STEP,
            tags=tuple(found.name() for turn in pair if (found := turn.find("dia_id"))),
        )
        position += len(pair)


def _speaker(turn: Field) -> str:
    return turn.get("speaker").name()


def _text_of(turn: Field) -> str:
    """Return a turn's text with its speaker's name, and a photo as its caption."""
    text, caption = turn.find("text"), turn.find("blip_caption")
    if text is None and caption is None:
        raise turn.bad('an object with "text"')
    said = text.text() if text else ""
    photo = f"[photo: {caption.text()}]" if caption else ""
    return f"{_speaker(turn)}: {' '.join(filter(None, (said, photo)))}"
