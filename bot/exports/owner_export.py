"""Exports of all of an owner's memory: a ZIP of JSON Lines, with a manifest of their sizes and hashes."""

import asyncio
import hashlib
import json
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field

from graph.layers import Layers
from memory.database import Database
from memory.episodic.index.vector_records import read_vectors, vector_space
from memory.episodic.log.episode_log import TIER
from memory.episodic.log.log_records import RECORD_TABLES
from memory.permanent.permanent_records import Records

FORMAT: Final = "goat-export"
VERSION: Final = 1
MANIFEST: Final = "manifest.json"
README: Final = "README.txt"
VECTORS, FACTS, IDENTITY, CONVERSATIONS = "vectors", "facts", "identity", "conversations"
REMINDERS: Final = "reminders"
ABOUT: Final = """\
All that GOAT keeps about one owner. Each *.jsonl file has one JSON object per line, in UTF-8.
manifest.json has the number of lines, the size and the SHA-256 of each file.

turns.jsonl          every message and reply, oldest first; "speaker" is who said the message,
                     "parts" are texts that came with it, "tags" mark edits and imports
vectors.jsonl        embeddings of the turns: half-precision floats, little-endian, in Base64;
                     "first" and "last" are the characters of the turn's text
facts.jsonl          every fact and its former values, oldest first; null: forgotten
identity.jsonl       every text that was set as the agent's identity; null: the configured one
conversations.jsonl  the threads' latest turns as the agent sees them; "conversation" is the
                     first half of the SHA-256 of the thread's id
reminders.jsonl      what is to come, and where it was asked for
feedback.jsonl       ratings of replies
labels.jsonl         which memory helps with which message
observations.jsonl   what each turn searched, found and used
forgotten.jsonl      ids of turns that were erased

`goat import FILE` reads it back.
"""


def file_of(name: str) -> str:
    """Return the name of a section's file."""
    return f"{name}.jsonl"


class FileFacts(BaseModel):
    """A file's entry in the manifest."""

    model_config = ConfigDict(frozen=True)

    lines: int
    bytes: int
    sha256: str


class Manifest(BaseModel):
    """The contents of an export."""

    model_config = ConfigDict(frozen=True)

    format: str = FORMAT
    version: int = VERSION
    software: str = Field(default_factory=lambda: f"goat2 {version('goat2')}")
    owner: str
    embedding_model: str
    """Model that made the vectors; empty without vectors."""
    dimension: int
    files: dict[str, FileFacts]

    @property
    def is_empty(self) -> bool:
        """Return whether the owner has no data at all."""
        return not any(facts.lines for facts in self.files.values())

    def lines(self, name: str) -> int:
        """Return the number of lines of a section."""
        found = self.files.get(file_of(name))
        return found.lines if found else 0


BATCH = 256
_DATE = (1980, 1, 1, 0, 0, 0)
"""Date of every file, so that equal memories give equal exports."""

Record = Mapping[str, Any]


async def export_owner(layers: Layers, owner: str, path: Path, *, vectors: bool = True) -> Manifest:
    """Write all of the owner's memory to a new file; the same memory gives the same bytes.

    Without `vectors` it is smaller, and an import embeds every turn again.

    Raises:
        FileExistsError: the file exists.
        MemoryTierError, DataFolderError: a store cannot be read; no file is left.
    """
    await layers.recorder.flush()
    records = await layers.permanent.records(owner=owner)
    reminders = [reminder.record() for reminder in await layers.reminders.of(owner)]
    with _new_file(path) as unfinished, _ExportWriter(unfinished) as writer:
        # Before the archive: a turn is archived first, so that none in a conversation is missing there.
        await _write_conversations(writer, layers, owner)
        tables = partial(_write_tables, writer=writer, model=layers.embeddings.name, vectors=vectors)
        model, dimension = await layers.files.read_apart(owner, TIER, tables)
        await asyncio.to_thread(_write_permanent, writer, records)
        await asyncio.to_thread(writer.write, REMINDERS, reminders)
        manifest = Manifest(owner=owner, embedding_model=model, dimension=dimension, files=writer.files)
        await asyncio.to_thread(writer.end, manifest)
    return manifest


async def _write_conversations(writer: "_ExportWriter", layers: Layers, owner: str) -> None:
    batch: list[Record] = []
    with writer.section(CONVERSATIONS) as section:
        async for conversation, record in layers.conversations.records(owner=owner):
            batch.append({"conversation": conversation, **record})
            if len(batch) == BATCH:
                await asyncio.to_thread(section.add, batch)
                batch = []
        await asyncio.to_thread(section.add, batch)


def _write_tables(db: Database, writer: "_ExportWriter", model: str, vectors: bool) -> tuple[str, int]:
    for table in RECORD_TABLES:
        writer.write(table.name, table.read(db))
    writer.write(VECTORS, read_vectors(db, model) if vectors else ())
    return vector_space(db, model)


def _write_permanent(writer: "_ExportWriter", records: Records) -> None:
    facts = ({"key": one.key, "value": one.value, "at": one.at.isoformat()} for one in records.facts)
    writer.write(FACTS, facts)
    identities = ({"text": one.text, "at": one.at.isoformat()} for one in records.identities)
    writer.write(IDENTITY, identities)


class _Section:
    """A file of an export that is being written."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self._lines = self._bytes = 0

    def add(self, records: Iterable[Record]) -> None:
        lines = [_line(record) for record in records]
        text = b"".join(lines)
        self._stream.write(text)
        self._hash.update(text)
        self._lines += len(lines)
        self._bytes += len(text)

    @property
    def facts(self) -> FileFacts:
        return FileFacts(lines=self._lines, bytes=self._bytes, sha256=self._hash.hexdigest())


def _line(record: Record) -> bytes:
    try:
        return f"{json.dumps(record, ensure_ascii=False)}\n".encode()
    except UnicodeEncodeError:  # a lone surrogate, which only an escape can hold
        return f"{json.dumps(record)}\n".encode()


class _ExportWriter:
    """Writes the sections of an export, one after the other."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        self.files: dict[str, FileFacts] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def write(self, name: str, records: Iterable[Record]) -> None:
        """Write a whole section."""
        rows = iter(records)
        with self.section(name) as section:
            while batch := list(islice(rows, BATCH)):
                section.add(batch)

    @contextmanager
    def section(self, name: str) -> Iterator[_Section]:
        with self._zip.open(_member(file_of(name)), "w", force_zip64=True) as stream:
            section = _Section(stream)
            yield section
        self.files[file_of(name)] = section.facts

    def end(self, manifest: Manifest) -> None:
        """Write the README and the manifest, which completes the export."""
        self._zip.writestr(_member(README), ABOUT)
        self._zip.writestr(_member(MANIFEST), manifest.model_dump_json(indent=1))


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _DATE)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o600 << 16
    return member


@contextmanager
def _new_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path, which only the user can read; rename it to `path` when the block succeeds."""
    if path.exists():
        raise FileExistsError(path)
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield unfinished
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)
