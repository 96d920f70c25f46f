"""Lives in conversation: what people told an assistant over months, and labelled messages to that memory."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime

from bot.lab.bench.neutral import Message, Neutral, Text, read_neutral
from bot.lab.bench.sets.handmade import packaged_json

NEAR_MISSES = ("unanswerable", "other_person")
NOTHING = ("small_talk", "new_topic", "in_conversation", *NEAR_MISSES)
"""Kinds of messages for which nothing should be shown."""


class Exchange(Neutral):
    """A message and its reply."""

    user: Text
    assistant: Text = ""


class ArchivedExchange(Exchange):
    """An archived exchange."""

    id: str
    at: AwareDatetime
    thread: str
    tags: tuple[str, ...] = ()


class Probe(Neutral):
    """A message, the exchanges right before it, and the memories that it should recall."""

    id: str
    at: AwareDatetime
    thread: str
    lead: tuple[Exchange, ...] = ()
    user: Message
    gold: tuple[str, ...] = ()
    """Each of these answers it alone."""
    needed: tuple[str, ...] = ()
    """A full answer needs all of these."""
    wrong: tuple[str, ...] = ()
    """Outdated, corrected, or another person's: wrong when shown alone."""
    in_conversation: bool = False
    kind: str


class Person(Neutral):
    """A person's archive, oldest first, and its probes."""

    id: str
    language: str
    timezone: ZoneInfo = ZoneInfo("UTC")
    turns: tuple[ArchivedExchange, ...]
    probes: tuple[Probe, ...]

    def before(self, probe: Probe) -> list[tuple[str, datetime, Exchange]]:
        """Return the conversation before a probe, oldest first: ids, times, exchanges."""
        thread = [(told.id, told.at, told) for told in self.turns if told.thread == probe.thread]
        lead = [(f"{probe.id}:lead:{number}", probe.at, said) for number, said in enumerate(probe.lead)]
        return [*thread, *lead]


class Lives(Neutral):
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
        BadImportFile: names the position and what is wrong there.
    """
    return read_neutral(path, Lives)


def packaged_lives() -> Lives:
    """Return the packaged lives."""
    return Lives.model_validate(packaged_json("lives"))
