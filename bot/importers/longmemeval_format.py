"""LongMemEval: chats of a person with an assistant, many sessions per case."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from bot.importers.source import BadImportFile, Field, read_json, stable_id
from memory.models import Episode

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
    for file in _files(path):
        whole = read_json(file)
        for case in whole.items() if isinstance(whole.value, list) else [whole]:
            named = case.find("case_id") or case.find("question_id")
            name = named.name() if named else file.stem
            yield name, _episodes(case, owner, name)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.json"))
    if not files:
        raise BadImportFile(f"{path}: expected a folder with *.json files, found none")
    return files


def _episodes(case: Field, owner: str, name: str) -> Iterator[Episode]:
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
        named, about = session.find("session_id"), session.find("metadata")
        since = about.find("date") if about else None
        yield _Session(named.name() if named else str(number), session.get("messages"), since)


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
