"""Imports an export: the same memory, in an empty installation or added to what is there."""

import asyncio
import hashlib
import json
import sqlite3
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bot.exports.owner_export import (
    CONVERSATIONS,
    FACTS,
    FORMAT,
    IDENTITY,
    MANIFEST,
    REMINDERS,
    VECTORS,
    VERSION,
    Manifest,
    file_of,
)
from bot.importers.import_file import open_member, open_zip
from bot.importers.source import BadImportFile
from graph.layers import Layers
from memory.database import read_time
from memory.episodic.index.vector_records import add_vectors
from memory.episodic.log.episode_log import TIER
from memory.episodic.log.log_records import RECORD_TABLES, forgotten
from memory.permanent.permanent_records import FactRecord, IdentityRecord, Records
from memory.reminders.reminder import Reminder, is_terminal_box, terminal_box

BATCH = 256
BLOCK = 2**20
LONGEST_LINE = 64 * 2**20
LARGEST_MANIFEST = 2**20
_WRONG = (
    LookupError,
    TypeError,
    ValueError,
    OverflowError,
    AttributeError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)

Batch = list[dict[str, Any]]
OnSection = Callable[[str, int, int], None]
"""Called with the section, the number of lines done, and the total."""


@dataclass(frozen=True, slots=True)
class ExportFile:
    """An export that is open for reading."""

    path: Path
    opened: zipfile.ZipFile
    manifest: Manifest

    def verify(self) -> None:
        """Compare every file with the manifest.

        Raises:
            BadImportFile: one was changed or damaged.
        """
        for name, facts in self.manifest.files.items():
            found, size = hashlib.sha256(), 0
            with open_member(self.opened, name) as stream:
                while block := stream.read(BLOCK):
                    found.update(block)
                    size += len(block)
            if (size, found.hexdigest()) != (facts.bytes, facts.sha256):
                raise BadImportFile(
                    f"{self.path}: {name}: expected the hash in {MANIFEST}, found another: it was changed or"
                    " damaged. Nothing was imported; export it again."
                )

    def batches(self, name: str) -> Iterator[tuple[int, Batch]]:
        """Yield the records of a section, each batch with the number of its first line."""
        if file_of(name) not in self.manifest.files:
            return
        with open_member(self.opened, file_of(name)) as stream:
            first, batch = 1, Batch()
            while line := stream.readline(LONGEST_LINE):
                batch.append(self._parse(line, name, first + len(batch)))
                if len(batch) == BATCH:
                    yield first, batch
                    first, batch = first + BATCH, []
            if batch:
                yield first, batch

    def _parse(self, line: bytes, name: str, number: int) -> dict[str, Any]:
        with self.checked(name, number):
            record = json.loads(line)
            if not isinstance(record, dict):
                raise TypeError("no object")
            return record

    @contextmanager
    def checked(self, name: str, first: int, last: int = 0) -> Iterator[None]:
        """Raise `BadImportFile` with the numbers of the lines if a record cannot be used."""
        try:
            yield
        except (*_WRONG, RecursionError) as error:
            lines = f"lines {first} to {last}" if last > first else f"line {first}"
            raise BadImportFile(
                f"{self.path}: {file_of(name)}: {lines}: expected a record of an export"
                f" ({type(error).__name__}: {str(error)[:200]})"
            ) from None


@contextmanager
def open_export(path: Path) -> Iterator[ExportFile]:
    """Open an export.

    Raises:
        BadImportFile: it is no export, or one of a newer version.
    """
    with open_zip(path) as opened:
        yield ExportFile(path, opened, _manifest(path, opened))


def is_export(path: Path) -> bool:
    """Return whether a file is a ZIP with the manifest of an export."""
    if not zipfile.is_zipfile(path):
        return False
    with open_zip(path) as opened:
        return MANIFEST in opened.namelist() and FORMAT.encode() in _start(opened)


def _start(opened: zipfile.ZipFile) -> bytes:
    with open_member(opened, MANIFEST) as stream:
        return stream.read(LARGEST_MANIFEST)


def _manifest(path: Path, opened: zipfile.ZipFile) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(_start(opened))
    except ValidationError:
        raise BadImportFile(f"{path}: {MANIFEST}: expected the manifest of an export") from None
    if manifest.version > VERSION:
        raise BadImportFile(
            f"{path}: expected an export of version {VERSION}, found {manifest.version}: upgrade goat2"
        )
    return manifest


@dataclass(frozen=True, slots=True)
class OwnerImport:
    """Adds an export to an owner's memory; safe to repeat, also after an interruption."""

    layers: Layers
    export: ExportFile
    owner: str
    on_section: OnSection = lambda *_: None

    async def __call__(self) -> int:
        """Import everything; return the number of new turns.

        Raises:
            BadImportFile: it was changed or damaged; nothing was imported.
            MemoryTierError, DataFolderError: a store cannot be written; import it again.
        """
        await asyncio.to_thread(self.export.verify)
        added = {table.name: await self._write(table.name, table.add) for table in RECORD_TABLES}
        manifest = self.export.manifest
        vectors = partial(add_vectors, model=manifest.embedding_model, dimension=manifest.dimension)
        await self._write(VECTORS, vectors)
        await self._restore_permanent()
        await self._restore_conversations()
        await self._restore_reminders()
        await self.layers.cache.drop(owner=self.owner)
        return added["turns"]

    async def _write(self, name: str, add: Callable[..., int]) -> int:
        added = 0
        async for first, batch in self._batches(name):
            with self.export.checked(name, first, first + len(batch) - 1):
                added += await self.layers.files.write(self.owner, TIER, partial(add, records=batch))
        return added

    async def _batches(self, name: str) -> AsyncIterator[tuple[int, Batch]]:
        batches, total = self.export.batches(name), self.export.manifest.lines(name)
        while (found := await asyncio.to_thread(next, batches, None)) is not None:
            yield found
            self.on_section(name, found[0] + len(found[1]) - 1, total)

    async def _restore_permanent(self) -> None:
        facts, identities = list[FactRecord](), list[IdentityRecord]()
        async for first, batch in self._batches(FACTS):
            with self.export.checked(FACTS, first, first + len(batch) - 1):
                facts += [FactRecord(one["key"], one["value"], read_time(one["at"])) for one in batch]
        async for first, batch in self._batches(IDENTITY):
            with self.export.checked(IDENTITY, first, first + len(batch) - 1):
                identities += [IdentityRecord(one["text"], read_time(one["at"])) for one in batch]
        if records := Records(tuple(facts), tuple(identities)):
            with self.export.checked(FACTS, 1, len(facts)):
                await self.layers.permanent.restore(records, owner=self.owner)

    async def _restore_conversations(self) -> None:
        gone = await self.layers.files.read(self.owner, TIER, forgotten)
        async for first, batch in self._batches(CONVERSATIONS):
            for number, record in enumerate(batch, start=first):
                with self.export.checked(CONVERSATIONS, number):
                    conversation = record.pop("conversation")
                    if record["turn_id"] not in gone:
                        await self.layers.conversations.append_record(
                            record, owner=self.owner, conversation=conversation
                        )

    async def _restore_reminders(self) -> None:
        """Set the reminders that are still to come; another Telegram bot's are listed, but never sent."""
        now = datetime.now(UTC)
        async for first, batch in self._batches(REMINDERS):
            for number, record in enumerate(batch, start=first):
                with self.export.checked(REMINDERS, number):
                    reminder = _reminder_of(record, self.owner)
                    if reminder.schedule.after(now) is not None:
                        await self.layers.reminders.put(reminder)


def _reminder_of(record: dict[str, Any], owner: str) -> Reminder:
    """Return an exported reminder as the owner's; one set in a terminal appears in the owner's terminals."""
    reminder = Reminder.from_json(json.dumps(record | {"owner": owner}))
    if not is_terminal_box(reminder.origin.box):
        return reminder
    return replace(reminder, origin=replace(reminder.origin, box=terminal_box(owner)))
