"""The format of exports: a ZIP of JSON Lines, with a manifest of their sizes and hashes."""

from importlib.metadata import version
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

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
    """Return the file of a section."""
    return f"{name}.jsonl"


class FileFacts(BaseModel):
    """What the manifest says of a file."""

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
    """Maker of the vectors; empty without any."""
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
