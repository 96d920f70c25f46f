"""The neutral form of a recall benchmark: archives of documents, and queries with their gold."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, ValidationError
from pydantic_core import PydanticCustomError

from bot.importers import source
from memory.errors import GoatError
from memory.text.text import clean

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = datetime(1800, 1, 1, tzinfo=UTC), datetime(2800, 1, 1, tzinfo=UTC)
ID = "a text or a number"
TIME = "a time in Unix seconds"
UNIQUE = "an id that no other document of the archive has"
EXPECTED = {
    "name": ID,
    "archives": "a list of archives",
    "id": ID,
    "docs": "a list of documents",
    "queries": "a list of queries",
    "text": "a text",
    "time": TIME,
    "session": ID,
    "gold": "a list of ids of documents or sessions",
    "irrelevant": "true or false",
    "kind": ID,
    "category": ID,
}
ITEMS = {"archives": "an object with id, docs and queries", "gold": ID}


def _text(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value


def _id(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _text(value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _time(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if not FIRST.timestamp() <= value <= LAST.timestamp():
        raise PydanticCustomError("expected", "{expected}", {"expected": f"{TIME}, from 1800 to 2800"})
    return EPOCH + timedelta(seconds=value)


def _asked(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("expected", "{expected}", {"expected": "a text that is not empty"})
    return text


def _listed(value: Any) -> Any:
    return [] if value is None else value


Text = Annotated[str, Field(strict=True), BeforeValidator(_text)]
Id = Annotated[str, Field(strict=True), BeforeValidator(_id)]
Time = Annotated[datetime, Field(strict=True), BeforeValidator(_time)]


class Doc(BaseModel):
    """A document: a turn, optionally with its time and session."""

    model_config = ConfigDict(frozen=True)

    id: Id
    text: Text
    time: Time | None = None
    session: Id | None = None


class Query(BaseModel):
    """A message, and the documents or sessions that it should recall."""

    model_config = ConfigDict(frozen=True)

    id: Id
    text: Annotated[Text, BeforeValidator(lambda text: _asked(text) if isinstance(text, str) else text)]
    time: Time | None = None
    gold: Annotated[tuple[Id, ...], BeforeValidator(_listed)] = ()
    irrelevant: Annotated[StrictBool, BeforeValidator(lambda value: value or False)] = False
    kind: Id | None = None
    category: Id | None = None


class Archive(BaseModel):
    """Documents of one owner, and their queries."""

    model_config = ConfigDict(frozen=True)

    id: Id
    docs: tuple[Doc, ...]
    queries: tuple[Query, ...]


class Bench(BaseModel):
    """A benchmark."""

    model_config = ConfigDict(frozen=True)

    name: Id = ""
    archives: tuple[Archive, ...]


def read_bench(path: Path) -> Bench:
    """Read a benchmark from a JSON file.

    Raises:
        BadImportFile: says the archive, the position and the expected value.
    """
    whole = source.read_json(path)
    try:
        bench = Bench.model_validate(whole.value)
    except ValidationError as error:
        raise _bad(whole, error) from None
    for number, archive in enumerate(bench.archives):
        _refuse_same_ids(whole, number, archive)
    return bench.model_copy(update={"name": bench.name or path.stem})


def _refuse_same_ids(whole: source.Field, number: int, archive: Archive) -> None:
    seen: set[str] = set()
    for index, doc in enumerate(archive.docs):
        if doc.id in seen:
            raise _at(whole, ("archives", number, "docs", index, "id"), doc.id).bad(UNIQUE)
        seen.add(doc.id)


def _bad(whole: source.Field, error: ValidationError) -> GoatError:
    first = error.errors(include_url=False)[0]
    where = first["loc"]
    names = [part for part in where if isinstance(part, str)]
    expected = EXPECTED.get(names[-1], "a known field") if names else "an object with archives"
    if where and isinstance(where[-1], int):
        expected = ITEMS.get(names[-1], "an object with id and text")
    if first["type"] == "expected":
        expected = first["msg"]
    missing = first["type"] == "missing"
    return _at(whole, where, first["input"]).bad(expected, "none" if missing else "")


def _at(whole: source.Field, where: tuple[int | str, ...], value: Any) -> source.Field:
    """Return a value with its position in the file, and the archive's id if known."""
    position = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)
    named = _archive_id(whole.value, where)
    archive = f"archive {named!r}: " if named else ""
    return source.Field(whole.file, f"{archive}{position.removeprefix('.')}", value)


def _archive_id(value: Any, where: tuple[int | str, ...]) -> str:
    if len(where) < 2 or not isinstance(where[1], int):  # noqa: PLR2004 - "archives" and a number
        return ""
    archive = value["archives"][where[1]]
    found = _id(archive.get("id")) if isinstance(archive, dict) else None
    return found if isinstance(found, str) else ""
