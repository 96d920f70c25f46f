"""WhatsApp's text export, in the date forms of many languages."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import IO, Final, NamedTuple

from bot.importers.chat_exchange import ChatMessage, ImportedChat, People, to_episodes
from bot.importers.import_file import ImportFile
from bot.importers.source import BadImportFile, decoded_lines, stable_id
from memory.models import Episode
from memory.text.text import clean

MEMBERS: Final = "*.txt"
_MARK: Final = "\u200e"
"""Prefix of text that WhatsApp itself wrote."""
_BLANKS: Final = str.maketrans({"\u202f": " ", "\u00a0": " ", "\u200f": "", "\u202a": "", "\u202c": ""})
_START: Final = re.compile(
    r"\u200e?\[?(?P<date>\d{1,4}[./-]\d{1,2}[./-]\d{1,4})\.?,?\s(?:[^\W\d]{1,4}\s)?"
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d\d)(?:[:.](?P<second>\d\d))?"
    r"(?:\s?(?P<half>[ap])\.?\s?m\.?)?(?:\]\s?|\s[-–]\s)(?P<rest>.*)",
    re.IGNORECASE,
)
_AUTHOR: Final = re.compile(r"\u200e?(?P<author>[^:\"“„]{1,80}): (?P<text>.*)", re.DOTALL)
_EDITED: Final = re.compile(r"(?<=\S)\s?\u200e<[^<>:]{5,80}>$")
_OMITTED: Final = re.compile(r"<[^<>:]{3,60}>")
_ATTACHED: Final = re.compile(r"<[^<>:]{2,30}: (?P<file>[^<>]+)>|(?P<plain>\S.*\.\w{2,5}) \([^()]{4,40}\)")
_KINDS: Final = {
    "[photo]": r"im[aá]g|bild|photo|foto|poz[aă]|gambar|afbeelding|\.(?:jpe?g|png|heic)$",
    "[video]": r"v[ií]d[eé]o|\.(?:mp4|mov|3gp)$",
    "[voice message]": r"audio|voice|sprach|\.(?:opus|m4a|aac|mp3|ogg)$",
    "[sticker]": r"sti[ck]+er|\.webp$",
    "[animation]": r"gif",
    "[contact]": r"contact|kontakt|\.vcf$",
    "[file]": r"document|dokument|fi[sșş]ier|\.\w{2,5}$",
}
_DELETED: Final = re.compile(
    r"(this message was deleted|you deleted this message"
    r"|acest mesaj a fost [sșş]ters|ai [sșş]ters acest mesaj)\.?",
    re.IGNORECASE,
)
_LONGEST_NOTICE: Final = 60
_FIRST_LINES: Final = 100
_HALF_DAY, _CENTURY = 12, 2000


class _Order(Enum):
    """Order of day, month and year in a date; the value is the index of each."""

    DAY_FIRST = (0, 1, 2)
    MONTH_FIRST = (1, 0, 2)
    YEAR_FIRST = (2, 1, 0)


class _Line(NamedTuple):
    """A line that begins a message, and the lines that continue it."""

    number: int
    start: re.Match[str]
    rest: list[str]

    @property
    def numbers(self) -> tuple[int, int, int]:
        """Return the three numbers of the date."""
        first, second, third = map(int, re.split("[./-]", self.start["date"]))
        return first, second, third

    @property
    def text(self) -> str:
        return "\n".join([self.start["rest"], *self.rest]).rstrip()


@dataclass(slots=True)
class _DateOrder:
    """Infers the order of the dates from all of them."""

    path: Path
    sorted_badly: dict[_Order, int] = field(default_factory=lambda: dict.fromkeys(_Order, 0))
    last: dict[_Order, tuple[int, ...]] = field(default_factory=dict)
    possible: dict[_Order, int] = field(default_factory=dict)
    """Number of lines that each order can read."""
    lines: int = 0
    half_days: bool = False

    def add(self, line: _Line) -> None:
        numbers, year_first = line.numbers, len(re.split("[./-]", line.start["date"])[0]) > 2  # noqa: PLR2004
        self.lines += 1
        self.half_days |= line.start["half"] is not None
        for order in _Order:
            day, month, year = (numbers[place] for place in order.value)
            if (order is _Order.YEAR_FIRST) != year_first or not (1 <= month <= 12 and 1 <= day <= 31):  # noqa: PLR2004
                continue
            self.possible[order] = self.possible.get(order, 0) + 1
            when = (year, month, day)
            self.sorted_badly[order] += when < self.last.get(order, when)
            self.last[order] = when

    def inferred(self) -> _Order:
        """Return the order that reads every date; of several, the one that sorts the messages best."""
        fitting = [order for order in _Order if self.possible.get(order) == self.lines]
        if not fitting:
            raise BadImportFile(
                f"{self.path}: expected dates in one order of day, month and year, found several. Export the"
                " chat again, on one phone."
            )
        usual = _Order.MONTH_FIRST if self.half_days else _Order.DAY_FIRST
        return min(fitting, key=lambda order: (self.sorted_badly[order], order is not usual))


def is_whatsapp(lines: Iterable[str]) -> bool:
    """Return whether a line begins as a message of WhatsApp."""
    return any(_START.match(line.translate(_BLANKS)) for line in lines)


def read_whatsapp(file: ImportFile) -> Iterator[tuple[str, Iterator[Episode]]]:
    """Yield each chat of the file as its name and its episodes in order."""
    people = People(file)
    for name in _chats(file):
        with file.opened(name) as stream:
            order, key = _scan(file.path, stream)
        chat = _chat(file, name, key)
        with file.opened(name) as stream:
            yield chat.name, to_episodes(chat, _messages(file, stream, order), people)
    people.check()


def _chats(file: ImportFile) -> list[str]:
    """List the members that are chats; an export with media may hold other texts."""
    names = file.names(MEMBERS)
    return [name for name in names if len(names) > 1 and _begins_as_chat(file, name)] or names


def _begins_as_chat(file: ImportFile, name: str) -> bool:
    try:
        with file.opened(name) as stream:
            return is_whatsapp(line for _, line in islice(decoded_lines(file.path, stream), _FIRST_LINES))
    except BadImportFile:
        return False


def _scan(path: Path, stream: IO[bytes]) -> tuple[_Order, str]:
    """Return the order of the dates, and an id of the first line."""
    order, first = _DateOrder(path), ""
    for line in _lines(path, stream):
        first = first or stable_id(line.start["date"], line.text)
        order.add(line)
    if not order.lines:
        raise BadImportFile(f"{path}: expected messages of WhatsApp, found none")
    return order.inferred(), first


def _chat(file: ImportFile, member: str, first: str) -> ImportedChat:
    """Name the chat after its file; `_chat.txt`, after its ZIP."""
    stem = Path(member or file.path.name).stem
    if stem == "_chat" and member:
        stem = file.path.stem
    name = re.sub(r"\s\(\d+\)$", "", stem)
    for words in ("WhatsApp Chat with ", "WhatsApp Chat - ", "Conversație WhatsApp cu "):
        name = name.removeprefix(words)
    return ImportedChat(
        "whatsapp", first if name == "_chat" else name, "" if name == "_chat" else name, file.zone
    )


def _lines(path: Path, stream: IO[bytes]) -> Iterator[_Line]:
    """Yield the messages with their continuation lines."""
    current: _Line | None = None
    for number, raw in decoded_lines(path, stream):
        line = raw.rstrip("\r").translate(_BLANKS)
        if start := _START.match(line):
            if current:
                yield current
            current = _Line(number, start, [])
        elif current:
            current.rest.append(line)
    if current:
        yield current


def _messages(file: ImportFile, stream: IO[bytes], order: _Order) -> Iterator[ChatMessage]:
    """Yield what people wrote; notices of WhatsApp are left out."""
    alike: dict[tuple[str, str], int] = {}
    for line in _lines(file.path, stream):
        found = _AUTHOR.match(line.text)
        text = _said(clean(found["text"])) if found else ""
        if not found or not text:
            continue
        # A ~ is kept: it marks a name that the person chose, which may be the owner's.
        at, author = _time(file, line, order), clean(found["author"]).strip("\u200e ")
        spoken = (at.isoformat(), author)
        alike = alike if spoken in alike else {spoken: 0}
        alike[spoken] += 1
        yield ChatMessage(f"{at.isoformat()} {author} {alike[spoken]}", author, text, at)


def _time(file: ImportFile, line: _Line, order: _Order) -> datetime:
    day, month, year = (line.numbers[place] for place in order.value)
    hour = int(line.start["hour"])
    if line.start["half"]:
        hour = hour % _HALF_DAY + (_HALF_DAY if line.start["half"].lower() == "p" else 0)
    clock = (hour, int(line.start["minute"]), int(line.start["second"] or 0))
    try:
        local = datetime(year if year > 99 else year + _CENTURY, month, day, *clock, tzinfo=file.zone)  # noqa: PLR2004
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadImportFile(
            f"{file.path}: line {line.number}: expected a date and time, found {line.start[0][:40]!r}"
        ) from None


def _said(text: str) -> str:
    """Return a message with media as notes; empty for a notice."""
    text = _EDITED.sub("", text)
    first, _, caption = text.partition("\n")
    plain = first.removeprefix(_MARK)
    if _DELETED.fullmatch(plain):
        return ""
    if attached := _ATTACHED.fullmatch(plain):
        note = _kind(attached["file"] or attached["plain"])
    elif _OMITTED.fullmatch(plain):
        note = _kind(plain)
    elif first.startswith(_MARK):
        note = _kind(plain, "") if len(plain) <= _LONGEST_NOTICE else ""
        caption = caption if note else ""
    else:
        return text.strip()
    return "\n".join(filter(None, (note, caption.strip())))


def _kind(text: str, otherwise: str = "[media]") -> str:
    return next((note for note, words in _KINDS.items() if re.search(words, text, re.IGNORECASE)), otherwise)
