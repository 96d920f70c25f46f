"""Import formats by name, and their recognition."""

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import IO

from bot.importers.benchmark_formats import read_locomo, read_longmemeval
from bot.importers.chatgpt_format import read_chatgpt
from bot.importers.claude_format import read_claude
from bot.importers.import_file import ImportedEpisode, ImportFile, JsonStream
from bot.importers.jsonl_format import read_jsonl
from bot.importers.source import BadImportFile, decoded_lines
from bot.importers.telegram_format import read_telegram
from bot.importers.whatsapp_format import is_whatsapp, read_whatsapp
from memory.models import Episode
from memory.provenance import Carrier, Speaker

IMPORTED = "imported"
"""Tag of imported episodes."""
NAMED = 20  # conversations listed in an error
EVENTS = 4000
"""Events of a JSON text that are read to recognise its format."""
LINES = 100


class Format(StrEnum):
    CHATGPT = "chatgpt"
    CLAUDE = "claude"
    TELEGRAM = "telegram"
    WHATSAPP = "whatsapp"
    JSONL = "jsonl"
    LOCOMO = "locomo"
    LONGMEMEVAL = "longmemeval"


UNATTRIBUTED = (Format.JSONL, Format.LOCOMO, Format.LONGMEMEVAL)
"""Formats that do not tell the owner's words from others'."""
Conversations = Iterator[tuple[str, Iterator[Episode]]]
_READERS: dict[Format, Callable[[ImportFile], Conversations]] = {
    Format.CHATGPT: read_chatgpt,
    Format.CLAUDE: read_claude,
    Format.TELEGRAM: read_telegram,
    Format.WHATSAPP: read_whatsapp,
    Format.JSONL: read_jsonl,
    Format.LOCOMO: lambda file: read_locomo(file.path, file.owner),
    Format.LONGMEMEVAL: lambda file: read_longmemeval(file.path, file.owner),
}
_KEYS = {
    "mapping": Format.CHATGPT,
    "chat_messages": Format.CLAUDE,
    "session_1": Format.LOCOMO,
    "haystack_sessions": Format.LONGMEMEVAL,
    "sessions": Format.LONGMEMEVAL,
    "from_id": Format.TELEGRAM,
    "date_unixtime": Format.TELEGRAM,
    "personal_information": Format.TELEGRAM,
    "messages": Format.TELEGRAM,
}
"""Keys that only one format has, near the start of the file."""
AGAIN = "Download or export it again."
_ZIP = b"PK\3\4"
_MEMBERS = (
    *("result.json", "conversations*.json", "_chat.txt", "*WhatsApp*.txt"),
    *("*.jsonl", "*.txt", "*.json"),
)
"""Patterns of names in a ZIP or a folder, in the order in which they are tried."""


@dataclass(frozen=True, slots=True)
class ImportedEpisodes:
    """The turns of a file as episodes of an owner, with deterministic ids; read anew at each iteration.

    Attributes:
        file: the file to read, and its owner.
        format: the format to read it in.
        conversation: sample id, case id, title or thread to import; empty for all.
        mine: true if the messages are the owner's words; ignored for a file that names its speakers.
    """

    file: ImportFile
    format: Format
    conversation: str = ""
    mine: bool = False

    def __iter__(self) -> Iterator[Episode]:
        """Read the file.

        Raises:
            BadImportFile: names file, position and the expected value.
        """
        others: dict[str, None] = {}
        any_turn = False
        for name, episodes in _READERS[self.format](self.file):
            if self.conversation and name != self.conversation:
                others[name] = None
                continue
            for episode in episodes:
                any_turn = True
                yield _to_imported(episode, mine=self.mine)
        if not any_turn:
            raise BadImportFile(f"{self.file.path}: {_not_found(self.conversation, list(others))}")


def recognise(file: ImportFile) -> Format:
    """Return the format of a file.

    Raises:
        BadImportFile: it has none of the formats, or cannot be read.
    """
    packed = file.path.is_dir() or zipfile.is_zipfile(file.path)
    if not packed and _begins_as_zip(file):
        raise BadImportFile(f"{file.path}: expected a whole ZIP, found one without its end. {AGAIN}")
    found = _format(file, _member(file) if packed else "")
    if found is None:
        raise BadImportFile(
            f"{file.path}: expected a file of {', '.join(Format)}, found another; name it with --format"
        )
    return found


def _begins_as_zip(file: ImportFile) -> bool:
    with file.opened("") as stream:
        return stream.read(len(_ZIP)) == _ZIP


def _member(file: ImportFile) -> str:
    for pattern in _MEMBERS:
        try:
            names = file.names(pattern)
        except BadImportFile:
            continue
        return next((name for name in names if len(names) > 1 and _is_known(file, name)), names[0])
    raise BadImportFile(f"{file.path}: expected one of {', '.join(_MEMBERS)} in it, found none")


def _is_known(file: ImportFile, name: str) -> bool:
    try:
        return _format(file, name) is not None
    except BadImportFile:
        return False


def _format(file: ImportFile, name: str) -> Format | None:
    with file.opened(name) as stream:
        found = _of_json(file, stream)
    with file.opened(name) as stream:
        return found or _of_lines(file, stream)


def _of_json(file: ImportFile, stream: IO[bytes]) -> Format | None:
    """Return the format of the first known key; None without one, or if the text is no JSON."""
    try:
        for _, kind, value in islice(JsonStream(file.path, stream).events(), EVENTS):
            if kind == "map_key" and value in _KEYS:
                return _KEYS[value]
    except BadImportFile:  # JSON Lines, or no JSON
        return None
    return None


def _of_lines(file: ImportFile, stream: IO[bytes]) -> Format | None:
    lines = [line for _, line in islice(decoded_lines(file.path, stream), LINES)]
    if any(line.lstrip("\ufeff ").startswith("{") and '"message"' in line for line in lines):
        return Format.JSONL
    return Format.WHATSAPP if is_whatsapp(lines) else None


def _not_found(conversation: str, others: list[str]) -> str:
    if not conversation:
        return "expected conversations, found no turn"
    listed = ", ".join(others[:NAMED]) + (", ..." if len(others) > NAMED else "")
    return f"expected the conversation {conversation!r}, found: {listed or 'none'}"


def _to_imported(episode: Episode, *, mine: bool) -> Episode:
    """Return the episode as imported; its words are the owner's only if the file or `mine` says so."""
    told = mine or (isinstance(episode, ImportedEpisode) and episode.attributed)
    speaker = Speaker.OWNER if told and episode.speaker is Speaker.OWNER else Speaker.THIRD_PARTY
    tags = tuple(dict.fromkeys([*episode.tags, IMPORTED]))
    parts = episode.parts if told else [replace(part, speaker=Speaker.THIRD_PARTY) for part in episode.parts]
    return replace(episode, speaker=speaker, carrier=Carrier.IMPORT, tags=tags, parts=tuple(parts))
