"""LoCoMo, conversations of two people over many sessions; LongMemEval, chats with an assistant."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from bot.importers.source import BadImportFile, Field, read_json, stable_id
from memory.models import Episode

_SESSION = re.compile(r"session_(\d+)")
_LONGEST_NUMBER = 9
"""Most digits of a session number."""
_TURN_STEP = timedelta(minutes=1)


def read_locomo(path: Path, owner: str) -> Iterator[tuple[str, Iterator[Episode]]]:
    """Yield each conversation of the file as its id and its episodes in order."""
    for name, sample in locomo_samples(path):
        yield name, locomo_episodes(sample, owner, name)


def locomo_samples(path: Path) -> Iterator[tuple[str, Field]]:
    """Yield each conversation of the file with its id."""
    seen: set[str] = set()
    for number, sample in enumerate(read_json(path).each(), start=1):
        named = sample.find("sample_id")
        name = named.name() if named else f"{path.stem}-{number}"
        if named and name in seen:
            raise named.bad("an id that no other conversation of the file has")
        seen.add(name)
        yield name, sample


def locomo_episodes(sample: Field, owner: str, name: str) -> Iterator[Episode]:
    """Yield the episodes of a conversation in order."""
    conversation = sample.find("conversation") or sample
    for session in _session_keys(conversation):
        yield from _turn_pairs(conversation, session, owner, name)


def _session_keys(conversation: Field) -> list[str]:
    found = {key: match[1] for key in conversation.names() if (match := _SESSION.fullmatch(key))}
    if not found:
        raise conversation.bad('an object with "session_1", "session_1_date_time", ...')
    if any(len(number) > _LONGEST_NUMBER for number in found.values()):
        raise conversation.bad(f"sessions with numbers of at most {_LONGEST_NUMBER} digits", "a longer one")
    return sorted(found, key=lambda key: int(found[key]))


def _turn_pairs(conversation: Field, session: str, owner: str, name: str) -> Iterator[Episode]:
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
            at=began + position * _TURN_STEP,
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
    said = turn.text_of("text")
    photo = f"[photo: {caption.text()}]" if caption else ""
    return f"{_speaker(turn)}: {' '.join(filter(None, (said, photo)))}"


_STEP = timedelta(seconds=1)
_ROLES = ("user", "assistant", "system")


@dataclass(frozen=True, slots=True)
class _Session:
    name: str
    messages: Field
    date: Field | None
    """Date of the session, for messages without a time."""


def read_longmemeval(path: Path, owner: str) -> Iterator[tuple[str, Iterator[Episode]]]:
    """Yield each case of a file, or of every file in a folder, as its id and its episodes in order."""
    for name, case in longmemeval_cases(path):
        yield name, longmemeval_episodes(case, owner, name)


def longmemeval_cases(path: Path) -> Iterator[tuple[str, Field]]:
    """Yield each case of a file, or of every file in a folder, with its id."""
    for file in _files(path):
        for case in read_json(file).each():
            yield case.name_of("case_id") or case.name_of("question_id") or file.stem, case


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.json"))
    if not files:
        raise BadImportFile(f"{path}: expected a folder with *.json files, found none")
    return files


def longmemeval_episodes(case: Field, owner: str, name: str) -> Iterator[Episode]:
    """Yield the episodes of a case in order."""
    for number, session in enumerate(_sessions(case)):
        yield from _session(session, owner, name, number)


def _sessions(case: Field) -> Iterator[_Session]:
    """Yield the sessions, stored as objects or as parallel lists."""
    if (lists := case.find("haystack_sessions")) is not None:
        names, dates = case.get("haystack_session_ids").items(), case.get("haystack_dates").items()
        sessions = lists.items()
        if not len(names) == len(dates) == len(sessions):
            raise lists.bad("as many sessions as there are ids and dates")
        for name, date, messages in zip(names, dates, sessions, strict=True):
            yield _Session(name.name(), messages, date)
        return
    for number, session in enumerate(case.get("sessions").items()):
        about = session.find("metadata")
        since = about.find("date") if about else None
        yield _Session(session.name_of("session_id") or str(number), session.get("messages"), since)


def _session(session: _Session, owner: str, case: str, number: int) -> Iterator[Episode]:
    latest: datetime | None = None
    for position, message, reply in _pairs(session.messages.items()):
        at = _time(message or reply, session)
        latest = at if latest is None else max(at, latest + _STEP)
        yield Episode(
            turn_id=stable_id("longmemeval", owner, case, number, session.name, position),
            owner=owner,
            thread=stable_id("longmemeval", owner, case, number, session.name),
            message=message.get("content").text() if message else "",
            reply=reply.get("content").text() if reply else "",
            at=latest,
            tags=(session.name,),
        )


def _pairs(messages: list[Field]) -> Iterator[tuple[int, Field | None, Field | None]]:
    """Yield position, user message and assistant reply; either may be None."""
    asked: tuple[int, Field] | None = None
    for position, message in enumerate(messages):
        role = message.get("role")
        if role.value not in _ROLES:
            raise role.bad('"user" or "assistant"')
        if role.value == "assistant":
            yield asked[0] if asked else position, asked[1] if asked else None, message
            asked = None
        elif role.value == "user":
            if asked:
                yield *asked, None
            asked = position, message
    if asked:
        yield *asked, None


def _time(message: Field | None, session: _Session) -> datetime:
    if message is not None and (given := message.find("created_at") or session.date) is not None:
        return given.time()
    raise (message or session.messages).bad('an object with "created_at"')
