"""HTML as Telegram takes it, with the refusals of Telegram's own parser."""

import html
import re
from dataclasses import dataclass, field

from tests.servers.telegram import utf16
from tests.servers.telegram.entities import Entity, Formatted, in_order
from tests.servers.telegram.refusals import cannot_parse

TYPES = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}
ATTRIBUTE = re.compile(r"""\s*([^\s=>]*)\s*(?:(=)\s*("[^"]*"|'[^']*'|[A-Za-z0-9.-]+)?)?\s*""")
CHARACTER = re.compile(r"&(?:lt|gt|amp|quot|#\d{1,7}|#x[0-9a-fA-F]{1,6});")


@dataclass(slots=True)
class _Tag:
    name: str
    offset: int
    attributes: dict[str, str] = field(default_factory=dict)


def parsed(source: str) -> Formatted:
    """Return the text and its entities, or refuse the call."""
    return _Parser(source).parse()


class _Parser:
    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._text = ""
        self._open: list[_Tag] = []
        self._entities: list[Entity] = []

    def parse(self) -> Formatted:
        while self._at < len(self._source):
            self._step()
        if self._open:
            raise cannot_parse(f'Can\'t find end tag corresponding to start tag "{self._open[-1].name}"')
        return Formatted(self._text, in_order(self._entities))

    def _step(self) -> None:
        if self._source.startswith("</", self._at):
            self._end_tag()
        elif self._source[self._at] == "<":
            self._start_tag()
        elif match := CHARACTER.match(self._source, self._at):
            self._text += html.unescape(match[0])
            self._at = match.end()
        else:
            self._text += self._source[self._at]
            self._at += 1

    def _bytes(self, at: int) -> int:
        return len(self._source[:at].encode())

    def _start_tag(self) -> None:
        begin = self._bytes(self._at)
        match = re.compile(r"<([^\s>]*)").match(self._source, self._at)
        assert match is not None
        if match.end() == len(self._source):
            raise cannot_parse(f"Unclosed start tag at byte offset {begin}")
        name = match[1].lower()
        if name not in TYPES:
            raise cannot_parse(f'Unsupported start tag "{name}" at byte offset {begin}')
        self._at = match.end()
        tag = _Tag(name, utf16.length(self._text), self._attributes(name, begin))
        if name == "span" and tag.attributes.get("class") != "tg-spoiler":
            raise cannot_parse(f'Tag "span" must have class "tg-spoiler" at byte offset {begin}')
        self._open.append(tag)

    def _attributes(self, name: str, begin: int) -> dict[str, str]:
        attributes: dict[str, str] = {}
        while (match := ATTRIBUTE.match(self._source, self._at)) and match.end() < len(self._source):
            key, equals, value = match.groups()
            self._at = match.end()
            if key:
                if equals and value is None:
                    raise cannot_parse(
                        f'Unexpected end of name token in the tag "{name}" at byte offset {begin}'
                    )
                attributes[key.lower()] = html.unescape((value or "").strip("\"'"))
            elif equals:
                raise cannot_parse(f'Empty attribute name in the tag "{name}" at byte offset {begin}')
            if self._source[self._at] == ">":
                self._at += 1
                return attributes
        raise cannot_parse(f'Unclosed start tag "{name}" at byte offset {begin}')

    def _end_tag(self) -> None:
        begin = self._bytes(self._at)
        if not self._open:
            raise cannot_parse(f"Unexpected end tag at byte offset {begin}")
        end = self._source.find(">", self._at)
        if end < 0:
            raise cannot_parse(f"Unclosed end tag at byte offset {begin}")
        found, tag = self._source[self._at + 2 : end].strip().lower(), self._open.pop()
        if found not in {"", tag.name}:
            raise cannot_parse(
                f'Unmatched end tag at byte offset {begin}, expected "</{tag.name}>", found "</{found}>"'
            )
        self._at = end + 1
        self._close(tag)

    def _close(self, tag: _Tag) -> None:
        units = utf16.length(self._text) - tag.offset
        if units <= 0:
            return
        entity: Entity = {"type": TYPES[tag.name], "offset": tag.offset, "length": units}
        language = tag.attributes.get("class", "").removeprefix("language-")
        if tag.name == "code" and language:
            entity["language"] = language
        elif tag.name == "blockquote" and "expandable" in tag.attributes:
            entity["type"] = "expandable_blockquote"
        elif tag.name == "pre":
            self._adopt_language(entity)
        elif tag.name == "tg-emoji":
            entity["custom_emoji_id"] = tag.attributes.get("emoji-id", "")
        elif tag.name == "a" and not self._link(tag, entity):
            return
        self._entities.append(entity)

    def _link(self, tag: _Tag, entity: Entity) -> bool:
        shown = utf16.part(self._text, tag.offset, entity["length"])
        entity["url"] = tag.attributes.get("href") or shown
        return "." in entity["url"] or "://" in entity["url"]

    def _adopt_language(self, pre: Entity) -> None:
        """Make `<pre><code class="language-x">` one entity."""
        inner = self._entities[-1] if self._entities else {}
        if (
            inner.get("type") == "code"
            and inner["offset"] == pre["offset"]
            and inner["length"] == pre["length"]
        ):
            del self._entities[-1]
            pre |= {"language": inner["language"]} if "language" in inner else {}
