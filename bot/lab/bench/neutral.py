"""The neutral form of a recall benchmark: archives of documents, and queries with their gold."""

from datetime import UTC
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic import AwareDatetime as Aware

from bot.importers.source import BadImportFile, read_json
from memory.text.text import clean


def _text(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():  # an id, as tables write it
        return str(int(value))
    return clean(value) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_text)]
Message = Annotated[Text, Field(pattern=r"\S")]
Time = Annotated[Aware, AfterValidator(lambda at: at.astimezone(UTC))]
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


class Query(Neutral):
    """A message, and the documents or sessions that it should recall."""

    id: Text
    text: Message
    time: Time | None = None
    gold: Annotated[tuple[Text, ...], BeforeValidator(lambda gold: () if gold is None else gold)] = ()
    irrelevant: Annotated[bool, BeforeValidator(lambda value: value or False)] = False
    kind: Text | None = None
    category: Text | None = None


def _refuse_same_ids(docs: tuple[Doc, ...]) -> tuple[Doc, ...]:
    ids = [doc.id for doc in docs]
    if same := sorted({one for one in ids if ids.count(one) > 1}) if len({*ids}) < len(ids) else []:
        raise ValueError(f"two documents have the id {same[0]!r}")
    return docs


class Archive(Neutral):
    """Documents of one owner, and their queries."""

    id: Text
    docs: Annotated[tuple[Doc, ...], AfterValidator(_refuse_same_ids)]
    queries: tuple[Query, ...]


class Bench(Neutral):
    """A benchmark."""

    name: Text = ""
    archives: tuple[Archive, ...]


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
