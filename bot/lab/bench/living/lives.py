"""Lives in conversation: what people told an assistant over months, and labelled messages to that memory."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.importers import source
from bot.lab.bench.sets.handmade import packaged_json
from memory.text.text import clean

NEAR_MISSES = ("unanswerable", "other_person")
NOTHING = ("small_talk", "new_topic", "in_conversation", *NEAR_MISSES)
"""Kinds of messages for which nothing should be shown."""


def _zone(value: Any) -> Any:
    """Parse the name of a time zone, with a `ValueError` if it is unknown, as validation needs."""
    try:
        return ZoneInfo(value) if isinstance(value, str) else value
    except (KeyError, ValueError, OSError):
        raise ValueError("a time zone, like Europe/Bucharest") from None


Text = Annotated[str, BeforeValidator(lambda value: clean(value) if isinstance(value, str) else value)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Exchange(_Value):
    """A message and its reply."""

    user: Text
    assistant: Text = ""


class ArchivedExchange(Exchange):
    """An archived exchange."""

    id: str
    at: AwareDatetime
    thread: str
    tags: tuple[str, ...] = ()


class Probe(_Value):
    """A message, the exchanges right before it, and the memories that it should recall."""

    id: str
    at: AwareDatetime
    thread: str
    lead: tuple[Exchange, ...] = ()
    user: Annotated[Text, Field(min_length=1)]
    gold: tuple[str, ...] = ()
    """Each of these answers it alone."""
    needed: tuple[str, ...] = ()
    """A full answer needs all of these."""
    wrong: tuple[str, ...] = ()
    """Outdated, corrected, or another person's: wrong when shown alone."""
    in_conversation: bool = False
    kind: str


class Person(_Value):
    """A person's archive, oldest first, and its probes."""

    id: str
    language: str
    timezone: Annotated[ZoneInfo, BeforeValidator(_zone)] = Field(ZoneInfo("UTC"))
    turns: tuple[ArchivedExchange, ...]
    probes: tuple[Probe, ...]

    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)

    def before(self, probe: Probe) -> list[tuple[str, datetime, Exchange]]:
        """Return the conversation before a probe, oldest first: ids, times, exchanges."""
        thread = [(told.id, told.at, told) for told in self.turns if told.thread == probe.thread]
        lead = [(f"{probe.id}:lead:{number}", probe.at, said) for number, said in enumerate(probe.lead)]
        return [*thread, *lead]


class Lives(_Value):
    """A set of lives."""

    name: str = ""
    people: tuple[Person, ...]

    @property
    def counts(self) -> tuple[int, int]:
        """Number of exchanges, and of probes."""
        return sum(len(one.turns) for one in self.people), sum(len(one.probes) for one in self.people)


def read_lives(path: Path) -> Lives:
    """Read lives from a JSON file.

    Raises:
        BadImportFile: says the position and the expected value.
    """
    whole = source.read_json(path)
    try:
        lives = Lives.model_validate(whole.value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        position = ".".join(map(str, first["loc"]))
        raise source.Field(whole.file, position, first["input"]).bad(first["msg"]) from None
    return lives.model_copy(update={"name": lives.name or path.stem})


def packaged_lives() -> Lives:
    """Return the packaged lives."""
    return Lives.model_validate(packaged_json("lives"))
