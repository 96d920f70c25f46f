"""Markdown as models write it, turned into the text that Telegram shows and the marks upon it."""

import re
import unicodedata
from collections.abc import Iterator

import pyromark
from telegramify_markdown import MessageEntity, RenderConfig, convert
from telegramify_markdown.converter import STANDARD_OPTIONS

from memory.text import clean

_MOST_MATHS = 2_000
"""Dollar signs in one text; the parser takes quadratic time over more."""
_MATHS = re.compile(
    r"(?<!\\)\\(?:\(((?:(?!\\\(|\n\s*\n)[^$]){1,1000}?)\\\)|\[((?:(?!\\\[|\n\s*\n)[^$]){1,1000}?)\\\])"
)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_STYLE = re.compile(r"</?(?:b|i|u|s|em|strong|small|mark|span|kbd|ins|del|tg-spoiler)\s*>", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LINK = re.compile(r"(?:https?|tg)://\S|(?:mailto|tel):\S", re.IGNORECASE)
_UNSEEN = frozenset("\u115f\u1160\u2800\u3164\uffa0\ufffc")
"""Drawn as nothing though they count as letters or symbols."""


def render(markdown: str) -> tuple[str, list[MessageEntity]]:
    """Return the text and its marks, in UTF-16 units; the source itself where nothing else would be seen."""
    source = storable(markdown)
    if source.count("$") > _MOST_MATHS:
        return source, []
    try:
        text, marks = convert(_prepared(source), latex_escape=False, config=_looks())
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return source, []
    text = _CONTROL.sub(" ", text)
    return (source, []) if blank(text) else (text, [mark for mark in marks if _usable(mark)])


def storable(markdown: str) -> str:
    """Return `markdown` without what Telegram refuses: control characters and lone surrogates."""
    return _CONTROL.sub("", clean(markdown).replace("\r\n", "\n").replace("\r", "\n"))


def blank(text: str) -> bool:
    """Say whether nothing of `text` would be seen; Telegram refuses such a message as empty."""
    return all(char in _UNSEEN or unicodedata.category(char)[0] in "ZC" for char in text)


def _looks() -> RenderConfig:
    """Return plain headings and the usual bullet, in place of the library's emoji."""
    looks = RenderConfig.isolated()
    for level in range(1, 7):
        setattr(looks.markdown_symbol, f"heading_level_{level}", "")
    looks.markdown_symbol.unordered_list_item = "•"
    return looks


def _usable(mark: MessageEntity) -> bool:
    return mark.type != "text_link" or _LINK.match(mark.url or "") is not None


def _prepared(source: str) -> str:
    """Save what the library would drop (HTML, which is often `<a placeholder>`) and mark LaTeX as such."""
    encoded, done, parts = source.encode(), 0, []
    for start, end, text in _kept(source):
        if start >= done:
            parts += [_dollars(encoded[done:start].decode()), text or encoded[start:end].decode()]
            done = end
    return "".join([*parts, _dollars(encoded[done:].decode())])


def _kept(source: str) -> Iterator[tuple[int, int, str]]:
    """Yield code and HTML as UTF-8 ranges, with what stands there instead (code: as it is)."""
    in_table = False
    for event, where in pyromark.events_with_range(source, options=STANDARD_OPTIONS):
        match event:
            case {"Start": {"CodeBlock": _}} | {"Code": _}:
                yield where["start"], where["end"], ""
            case {"InlineHtml": str(tag)} | {"Html": str(tag)}:
                yield where["start"], where["end"], _html(tag, in_table)
            case {"Start": {"Table": _}} | {"End": "Table"}:
                in_table = "Start" in event


def _html(tag: str, in_table: bool) -> str:
    """Return Markdown that shows `tag` as it was written, unless it only styles or breaks a line."""
    if _BREAK.fullmatch(tag):
        return " " if in_table else "\\\n"
    return tag if _STYLE.fullmatch(tag) else tag.replace("<", "\\<")


def _dollars(text: str) -> str:
    r"""Write `\( \)` and `\[ \]` as `$` and `$$`, which is what the parser knows."""
    return _MATHS.sub(lambda m: f"${m[1].strip()}$" if m[1] else f"$${m[2].strip()}$$", text)
