"""The neutral form of a recall benchmark: archives of documents, queries with their gold, draws, episodes."""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from bot.importers.source import BadImportFile, read_json
from memory.models import Episode
from memory.text.text import clean


def _text(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():  # an id, as tables write it
        return str(int(value))
    return clean(value) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_text)]
Message = Annotated[Text, Field(pattern=r"\S")]
Time = Annotated[AwareDatetime, AfterValidator(lambda at: at.astimezone(UTC))]
"""Seconds since 1970, or a time with its zone."""
Read = TypeVar("Read", bound="Neutral")


class Neutral(BaseModel):
    """A value of a benchmark's file; unknown fields are ignored, and ids may be numbers."""

    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)


class Doc(Neutral):
    """A document: a turn, optionally with its time and session."""

    id: Text
    text: Text
    time: Time | None = None
    session: Text | None = None


class BenchQuery(Neutral):
    """A message, and the documents or sessions that it should recall."""

    id: Text
    text: Message
    time: Time | None = None
    gold: Annotated[tuple[Text, ...], BeforeValidator(lambda gold: () if gold is None else gold)] = ()
    irrelevant: Annotated[bool, BeforeValidator(lambda value: value or False)] = False
    kind: Text | None = None
    category: Text | None = None

    def answered_by(self, doc: Doc) -> bool:
        """Return whether a document, or its session, answers the query."""
        return not self.irrelevant and not {doc.id, doc.session}.isdisjoint(self.gold)


def _refuse_same_ids(docs: tuple[Doc, ...]) -> tuple[Doc, ...]:
    ids = [doc.id for doc in docs]
    if same := sorted({one for one in ids if ids.count(one) > 1}) if len({*ids}) < len(ids) else []:
        raise ValueError(f"two documents have the id {same[0]!r}")
    return docs


class BenchArchive(Neutral):
    """Documents of one owner, and their queries."""

    id: Text
    docs: Annotated[tuple[Doc, ...], AfterValidator(_refuse_same_ids)]
    queries: tuple[BenchQuery, ...]


class Bench(Neutral):
    name: Text = ""
    archives: tuple[BenchArchive, ...]


def read_bench(path: Path) -> Bench:
    """Read a benchmark from a JSON file.

    Raises:
        BadImportFile: names the position and what is wrong there.
    """
    return read_neutral(path, Bench)


def read_neutral(path: Path, form: type[Read]) -> Read:
    """Read a JSON file of a form with a name, by default the file's.

    Raises:
        BadImportFile: names the position and what is wrong there.
    """
    value: Any = read_json(path).value
    try:
        return form.model_validate({"name": path.stem, **value} if isinstance(value, dict) else value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        position = ".".join(map(str, first["loc"]))
        said = first["msg"].removeprefix("Value error, ")
        raise BadImportFile(f"{path}: {position + ': ' if position else ''}{said}.") from None


@dataclass(frozen=True, slots=True)
class LabelledBench:
    """A benchmark, with the people and languages of its archives."""

    bench: Bench
    people: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names by archive, in corresponding order, to swap names between archives."""
    languages: Mapping[str, str] = field(default_factory=dict)
    """By archive; English by default."""


def draw_archive(archive: BenchArchive, size: int, chance: random.Random) -> BenchArchive:
    """Draw a smaller archive, with the questions that it still answers and all irrelevant ones.

    Up to half of its documents answer a question; the others are drawn at random.
    """
    answered = [query for query in archive.queries if query.gold and not query.irrelevant]
    chosen = set[str]()
    for query in chance.sample(answered, len(answered)):
        if len(chosen | set(query.gold)) <= size:
            chosen |= set(query.gold)
        if len(chosen) * 2 >= size:
            break
    others = [doc.id for doc in archive.docs if doc.id not in chosen]
    chosen |= set(chance.sample(others, size - len(chosen)))
    queries = (query for query in archive.queries if query.irrelevant or _answered(query, chosen))
    docs = tuple(doc for doc in archive.docs if doc.id in chosen)
    return archive.model_copy(update={"docs": docs, "queries": tuple(queries)})


def _answered(query: BenchQuery, docs: set[str]) -> bool:
    return bool(query.gold) and set(query.gold) <= docs


def seeded_random(seed: str | int) -> random.Random:
    """Return a reproducible generator; use a separate seed for each kind of draw."""
    return random.Random(seed)  # noqa: S311 - reproducible draws, not secrets


LATEST = datetime(2026, 1, 1, tzinfo=UTC)
"""Invented times end before this, or before the first query that has a time."""
STEP, PAUSE = timedelta(minutes=1), timedelta(hours=1)
_EXCHANGE = re.compile(
    r"\A(?:user|human|you|me):[ ]?(?P<message>.*?)\n(?:assistant|ai|bot|gpt|model):[ ]?(?P<reply>.*)\Z",
    re.DOTALL | re.IGNORECASE,
)
_LONG = 600
"""Minimum characters after the first line to count as the reply to it."""


def as_episodes(archive: BenchArchive, owner: str) -> list[Episode]:
    """Return each document as an episode."""
    made_up = _invented_times(archive)
    return [
        _episode(doc, owner, number, doc.time or at)
        for number, (doc, at) in enumerate(zip(archive.docs, made_up, strict=True))
    ]


def query_time(query: BenchQuery, episodes: Sequence[Episode]) -> datetime:
    """Return a query's time: its own, or after the latest document."""
    return query.time or max((episode.at for episode in episodes), default=LATEST) + STEP


def split_exchange(text: str) -> tuple[str, str]:
    """Split an exchange into message and reply, verbatim.

    An exchange is `user: ...` and a line `assistant: ...`, or a line followed by a long text. Any other text
    is all message.
    """
    if found := _EXCHANGE.match(text):
        return found["message"].rstrip("\n"), found["reply"]
    first, _, rest = text.partition("\n")
    return (first, rest) if first.strip() and len(rest) >= max(_LONG, 2 * len(first)) else (text, "")


def _episode(doc: Doc, owner: str, number: int, at: datetime) -> Episode:
    message, reply = split_exchange(doc.text)
    return Episode(
        turn_id=f"{owner}:{number}",
        owner=owner,
        thread=owner if doc.session is None else f"{owner}:{doc.session}",
        message=message,
        reply=reply,
        at=at,
    )


def _invented_times(archive: BenchArchive) -> list[datetime]:
    """Return a time for each document, in order: one step apart, sessions a pause apart."""
    at = min((query.time for query in archive.queries if query.time), default=LATEST)
    return list(_backwards(archive.docs, at))[::-1]


def _backwards(docs: tuple[Doc, ...], at: datetime) -> Iterator[datetime]:
    later: Doc | None = None
    for doc in reversed(docs):
        at -= STEP if later is None or doc.session == later.session else PAUSE
        later = doc
        yield at
