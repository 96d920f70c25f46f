"""Removal of facts with their former values, and the search for texts that quote one."""

import asyncio
import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from graph.layers import Layers
from graph.runtime.erasure import blank_lines
from graph.settings.settings import Settings, exports_folder, terminal_folder
from memory.database import owner_key
from memory.models import Episode, Fact
from memory.owners.erasures import Erasure
from memory.permanent.permanent_records import PermanentStore, identifier
from memory.prompt.tool_text import without_calls

TOOLS = ("promote_memory", "read_facts", "forget_fact")
"""Tools whose calls and outputs show facts."""
_IDENTITY = "identity"
_LEAST_CHARS = 6
"""Values with fewer characters are short."""


@dataclass(frozen=True, slots=True)
class Quotations:
    """Turns and facts that repeat words of removed ones, and stay."""

    turns: tuple[Episode, ...]
    """Oldest first."""
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class FactRemoval:
    layers: Layers

    async def versions(self, key: str, owner: str) -> list[Fact]:
        """Return every value that a fact has or had, newest first; empty without such a fact."""
        try:
            found = [one for store in self._stores for one in await store.history(key, owner=owner)]
        except ValueError:  # no fact can have this key
            return []
        distinct = {(one.value, one.at): one for one in found}.values()
        return sorted(distinct, key=lambda one: one.at, reverse=True)

    async def end(self, key: str, owner: str, now: datetime) -> datetime:
        """Return the time up to which a fact's values are removed; another machine's clock may be ahead."""
        return max([now, *(one.at for one in await self.versions(key, owner))])

    async def quotations(self, key: str, owner: str) -> Quotations:
        """Find the turns, other facts (also their former values) and the identity that repeat a value."""
        permanent, name = self.layers.permanent, identifier(key)
        states = _quoting(one.value for one in await self.versions(key, owner))
        episodes = [one async for one in self.layers.episodes.all(owner=owner)]
        records = (await permanent.records(owner=owner)).facts
        facts = [Fact(key=one.key, value=one.value, at=one.at) for one in records if one.value]
        facts += [
            Fact(key=_IDENTITY, value=text, at=at)
            for text, at in (await permanent.identity_history(owner=owner))[:1]
            if text
        ]
        others = [one for one in facts if identifier(one.key) != name and states.search(one.value.casefold())]
        turns = await asyncio.to_thread(
            lambda: tuple(one for one in episodes if states.search(one.text.casefold()))
        )
        return Quotations(turns, tuple(others))

    async def __call__(self, erasure: Erasure) -> None:
        """Remove the facts of an erasure, and record their values, to find the checkpoints that show them."""
        owner, facts = erasure.owner, erasure.facts
        if not facts:
            return
        for key, until in facts.items():
            erasure.add(values=[one.value for one in await self.versions(key, owner) if one.at <= until])
        for store in self._stores:
            await store.erase_facts(facts, owner=owner)
        await self.layers.conversations.drop_evidence(TOOLS, owner=owner)
        for entry in await self.layers.journal.of_owner(owner):
            rest = without_calls(entry.evidence, TOOLS)
            if len(rest) < len(entry.evidence):
                await self.layers.journal.update(replace(entry, evidence=rest))
        await asyncio.to_thread(clear_exports, self.layers.settings, owner)
        await asyncio.to_thread(_clear_typed, self.layers.settings, erasure)

    @property
    def _stores(self) -> list[PermanentStore]:
        """The store in use, and the embedded one from which facts may have been copied."""
        return list(
            {id(one): one for one in (self.layers.permanent, self.layers.embedded_permanent)}.values()
        )


def clear_exports(settings: Settings, owner: str) -> None:
    """Delete the owner's exports that wait to be sent."""
    shutil.rmtree(exports_folder(settings, owner), ignore_errors=True)


def terminal_history(settings: Settings, owner: str) -> Path:
    """Return the file of the lines that the owner typed in the terminal."""
    return terminal_folder(settings) / f"{owner_key(owner)}.history"


def marks_of(values: Iterable[str]) -> list[bytes]:
    """Return the bytes by which a checkpoint that shows one of these values is found.

    Short values occur in numbers and ids too, so for them it is the whole JSON field.
    """
    found = list[str]()
    for value in values:
        written = json.dumps(value, ensure_ascii=False)
        found += [value, written[1:-1]] if len(value) >= _LEAST_CHARS else [f'"value":{written}']
    return [text.encode("utf-8", "surrogatepass") for text in dict.fromkeys(found)]


def _clear_typed(settings: Settings, erasure: Erasure) -> None:
    """Blank all lines of the commands in the terminal's history that wrote one of these values."""
    values = [value.split("\n") for value in erasure.values]  # as prompt_toolkit splits them
    lines = {line.strip().encode() for value in values for line in value} - {b""}
    if not lines:
        return
    further = {line.strip() for value in values for line in value[1:]} - {""}
    command = re.compile(rb"\+\s*/remember\s.*(?:%b)" % b"|".join(map(re.escape, lines)))

    def is_typed(line: bytes) -> bool:
        return bool(command.match(line)) or (
            line.startswith(b"+") and line[1:].decode("utf-8", "replace").strip() in further
        )

    blank_lines(terminal_history(settings, erasure.owner), is_typed)


def _quoting(values: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern that finds one of the values as whole words in a casefolded text."""
    stated = [re.escape(value.strip().casefold()) for value in values if value.strip()]
    return re.compile(rf"(?<!\w)(?:{'|'.join(stated)})(?!\w)" if stated else r"(?!)")
