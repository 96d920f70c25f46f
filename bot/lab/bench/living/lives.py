"""Lives in conversation: what people told an assistant over months, and labelled messages to that memory."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.importers import source
from bot.lab.bench.sets.handmade import packaged
from memory.text.text import clean

NEAR_MISSES = ("unanswerable", "other_person")
NOTHING = ("small_talk", "new_topic", "in_conversation", *NEAR_MISSES)
"""Kinds of messages for which nothing should be shown."""


def _zone(value: Any) -> Any:
    """Return the zone of that name; a wrong name is refused as a value, with its position."""
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


class Told(Exchange):
    """An exchange of the archive."""

    id: str
    at: AwareDatetime
    thread: str
    tags: tuple[str, ...] = ()


class Probe(_Value):
    """A message, what was said right before it, and the exchanges that it should call up."""

    id: str
    at: AwareDatetime
    thread: str
    lead: tuple[Exchange, ...] = ()
    user: Annotated[Text, Field(min_length=1)]
    gold: tuple[str, ...] = ()
    """Any one of these answers."""
    needed: tuple[str, ...] = ()
    """All of these are needed for a full answer."""
    wrong: tuple[str, ...] = ()
    """Outdated, corrected, or somebody else's: not to be shown alone."""
    in_conversation: bool = False
    kind: str


class Person(_Value):
    """A person's archive, oldest first, and the probes of it."""

    id: str
    language: str
    timezone: Annotated[ZoneInfo, BeforeValidator(_zone)] = Field(ZoneInfo("UTC"))
    turns: tuple[Told, ...]
    probes: tuple[Probe, ...]

    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)

    def before(self, probe: Probe) -> list[tuple[str, datetime, Exchange]]:
        """Return the probe's conversation so far, oldest first: ids, times, exchanges."""
        thread = [(told.id, told.at, told) for told in self.turns if told.thread == probe.thread]
        lead = [(f"{probe.id}:lead:{number}", probe.at, said) for number, said in enumerate(probe.lead)]
        return [*thread, *lead]


class Lives(_Value):
    """A set of lives."""

    name: str = ""
    people: tuple[Person, ...]

    @property
    def counts(self) -> tuple[int, int]:
        """How many exchanges and how many probes there are."""
        return sum(len(one.turns) for one in self.people), sum(len(one.probes) for one in self.people)


def read_lives(path: Path) -> Lives:
    """Read lives from a JSON file.

    Raises:
        BadImportFile: says position and what is expected there.
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
    """Return the lives that come with the package."""
    return Lives.model_validate(packaged("lives"))
