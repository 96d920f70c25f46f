"""Messages of an answer: Markdown as texts of limited length plus entities, and files."""

import hashlib
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import telegramify_markdown
from telegram import InputMediaDocument, InputMediaPhoto, Message, MessageEntity
from telegram.constants import MessageEntityType, MessageLimit

from bot.telegram.outbox.message_markdown import Span, blank, cut, render, utf16_offsets, whole

LIMIT = int(MessageLimit.MAX_TEXT_LENGTH)
_CUT_OFF = "…"
_TYPES = frozenset(str(kind) for kind in MessageEntityType)
_BLOCKS = ("pre",)
_QUOTES = ("blockquote", "expandable_blockquote")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_LANGUAGE = re.compile(r"[\w+#.-]{1,40}")


@dataclass(frozen=True, slots=True)
class FormattedText:
    """One message: text and entities (offsets in UTF-16 units)."""

    text: str
    entities: tuple[MessageEntity, ...]


@dataclass(frozen=True, slots=True)
class Upload:
    """A file sent with an answer."""

    content: bytes
    name: str
    refused: str
    """Markdown that replaces the file if Telegram refuses it."""
    caption: FormattedText = FormattedText("", ())
    photo: bool = False

    @property
    def media(self) -> InputMediaPhoto | InputMediaDocument:
        """Return the file in the form that an edit needs."""
        kind = InputMediaPhoto if self.photo else InputMediaDocument
        return kind(self.content, filename=self.name, caption=self.text, caption_entities=self.entities)

    @property
    def text(self) -> str | None:
        """The text of its caption, if it has one."""
        return self.caption.text or None

    @property
    def entities(self) -> Sequence[MessageEntity] | None:
        return self.caption.entities or None


Content: TypeAlias = FormattedText | Upload
"""What one message of an answer holds."""


def fingerprint(content: Content | Message) -> str:
    """Return an id of a message's content that ignores spaces and signs, some of which Telegram removes."""
    if isinstance(content, Upload):
        return "photo" if content.photo else content.name
    if isinstance(content, Message) and not content.text:
        return "photo" if content.photo else (content.document and content.document.file_name) or ""
    letters = "".join(filter(str.isalnum, content.text or ""))
    return hashlib.sha256(letters.encode("utf-8", "replace")).hexdigest()[:16]


def utf16_length(text: str) -> int:
    """Return a text's length in UTF-16 units, as Telegram counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def pieces(markdown: str, limit: int = LIMIT) -> list[FormattedText]:
    """Render Markdown as messages of at most `limit` UTF-16 units (at least 2).

    Cuts at a paragraph, else a line, else a word; a code block that is cut stays code in both pieces. Blank
    text gives no pieces; text that cannot be rendered is returned unchanged.
    """
    page = _Page(markdown)
    spans = cut(page.text, limit, page.code)
    return [page.piece(span) for span in spans if not blank(page.text[slice(*span)])]


def preview(markdown: str, limit: int = LIMIT) -> FormattedText:
    """Render an unfinished reply: all of it, or an ellipsis and the tail that fits."""
    page = _Page(markdown)
    end = len(page.text.rstrip())
    spans = cut(page.text[:end], limit, page.code)
    if len(spans) > 1:
        return page.piece((page.tail(end, limit - utf16_length(_CUT_OFF)), end), before=_CUT_OFF)
    return page.piece(spans[0]) if spans and not blank(page.text) else FormattedText("", ())


def with_closed_code(markdown: str) -> str:
    """Close an open code block in truncated Markdown, so that text can be appended."""
    fence = ""
    for line in markdown.splitlines():
        mark = found[1] if (found := _FENCE.match(line)) else ""
        if not fence:
            fence = mark
        elif mark.startswith(fence) and line.strip() == mark:
            fence = ""
    return f"{markdown}\n{fence}" if fence else markdown


class _Page:
    """A rendered text to cut pieces from."""

    def __init__(self, markdown: str) -> None:
        self.text, marks = render(markdown)
        self._offsets = utf16_offsets(self.text)
        self._marks = _flatten(sorted(marks, key=lambda mark: (mark.offset, -mark.length)))
        self.code: Sequence[Span] = [
            (self._index(mark.offset), self._index(mark.offset + mark.length))
            for mark in self._marks
            if mark.type in _BLOCKS
        ]

    def piece(self, span: Span, before: str = "") -> FormattedText:
        """Return the piece at `span`, prefixed by `before`."""
        start, end = self._offsets[span[0]], self._offsets[span[1]]
        shift = utf16_length(before) - start
        entities = tuple(
            _entity(mark, max(mark.offset, start) + shift, min(mark.offset + mark.length, end) + shift)
            for mark in self._marks
            if mark.offset < end and mark.offset + mark.length > start
        )
        return FormattedText(before + self.text[slice(*span)], entities)

    def tail(self, end: int, room: int) -> int:
        """Return the start of a tail of at most `room` UTF-16 units, at a line start if one is near."""
        start = self._index(self._offsets[end] - room)
        while whole(self.text, start) != start:
            start += 1
        line = self.text.find("\n", start, start + (end - start) // 4) + 1
        return line or start

    def _index(self, offset: int) -> int:
        """Return the first character at or after a UTF-16 offset."""
        return bisect_left(self._offsets, offset)


def _flatten(marks: Iterable[telegramify_markdown.MessageEntity]) -> list[telegramify_markdown.MessageEntity]:
    """Keep the entities that Telegram knows and, of nested quotations, the outermost."""
    kept, quoted = [], 0
    for mark in marks:
        if mark.type in _QUOTES:
            if mark.offset < quoted:
                continue
            quoted = mark.offset + mark.length
        if mark.type in _TYPES and mark.length > 0:
            kept.append(mark)
    return kept


def _entity(mark: telegramify_markdown.MessageEntity, start: int, end: int) -> MessageEntity:
    language = _LANGUAGE.match(mark.language or "")
    return MessageEntity(
        mark.type,
        start,
        end - start,
        url=mark.url,
        language=language[0] if language else None,
        custom_emoji_id=mark.custom_emoji_id,
    )
