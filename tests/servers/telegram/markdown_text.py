"""MarkdownV2, with the refusals of Telegram's own parser."""

from dataclasses import dataclass

from tests.servers.telegram import utf16
from tests.servers.telegram.entities import Entity, Formatted, in_order
from tests.servers.telegram.refusals import cannot_parse

RESERVED = "_*[]()~`>#+-=|{}.!"
OPENING = (
    ("```", "Pre"),
    ("`", "Code"),
    ("__", "Underline"),
    ("_", "Italic"),
    ("*", "Bold"),
    ("~", "Strikethrough"),
    ("||", "Spoiler"),
    ("![", "CustomEmoji"),
    ("[", "TextUrl"),
)
CLOSING = {name: mark for mark, name in OPENING} | {"PreCode": "```", "TextUrl": "]", "CustomEmoji": "]"}
TYPES = {"PreCode": "pre", "TextUrl": "text_link", "CustomEmoji": "custom_emoji"}
VERBATIM = frozenset({"Code", "Pre", "PreCode"})
QUOTES = {"BlockQuote": "blockquote", "ExpandableBlockQuote": "expandable_blockquote"}


@dataclass(slots=True)
class _Open:
    name: str
    """What Telegram calls it in an error."""
    offset: int
    """Where it begins in the text without markup, in UTF-16 units."""
    at: int
    """Where its mark is in the source, in bytes."""
    language: str = ""


def parsed(source: str) -> Formatted:
    """Return the text and its entities, or refuse the call."""
    return _Parser(source).parse()


class _Parser:
    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._text = ""
        self._open: list[_Open] = []
        self._entities: list[Entity] = []

    def parse(self) -> Formatted:
        while self._at < len(self._source):
            self._step()
        if self._open and self._open[-1].name in QUOTES:
            self._close_quote()
        if self._open:
            raise self._unclosed()
        return Formatted(self._text, in_order(self._entities))

    def _step(self) -> None:
        character, following = self._source[self._at], self._source[self._at + 1 : self._at + 2]
        if character == "\\" and following and ord(following) <= 126:
            self._text += following
            self._at += 2
        elif self._quotes():
            return
        elif character not in ("`" if self._verbatim else RESERVED):
            self._text += character
            self._at += 1
        elif self._ends():
            self._end()
        else:
            self._begin()

    @property
    def _verbatim(self) -> bool:
        return bool(self._open) and self._open[-1].name in VERBATIM

    def _quotes(self) -> bool:
        """Take the marks of a block quote, at the start and the end of its lines."""
        at_line_start = self._at == 0 or self._source[self._at - 1] == "\n"
        if self._verbatim or not at_line_start:
            return False
        quoted = bool(self._open) and self._open[0].name in QUOTES
        for mark, name in (("**>", "ExpandableBlockQuote"), (">", "BlockQuote")):
            if self._source.startswith(mark, self._at):
                self._quote_line(mark, name, quoted=quoted and mark == ">")
                return True
        if quoted:
            self._close_quote()
        return False

    def _quote_line(self, mark: str, name: str, *, quoted: bool) -> None:
        if not quoted:
            if self._open:
                self._close_quote()
            self._push(name, mark)
        else:
            self._at += len(mark)

    def _close_quote(self) -> None:
        if self._open[-1].name not in QUOTES:
            raise self._unclosed()
        quote = self._open.pop()
        self._add(quote, QUOTES[quote.name], cut=int(self._text.endswith("\n")))

    def _begin(self) -> None:
        for mark, name in OPENING:
            if self._source.startswith(mark, self._at):
                self._end_of_expandable() if self._ends_expandable(mark) else self._push(name, mark)
                return
        character = self._source[self._at]
        raise cannot_parse(f"Character '{character}' is reserved and must be escaped with the preceding '\\'")

    def _ends_expandable(self, mark: str) -> bool:
        rest = self._source[self._at + 2 : self._at + 3]
        expandable = bool(self._open) and self._open[-1].name == "ExpandableBlockQuote"
        return mark == "||" and expandable and rest in {"", "\n"}

    def _end_of_expandable(self) -> None:
        self._at += 2

    def _push(self, name: str, mark: str) -> None:
        at = len(self._source[: self._at].encode())
        self._open.append(_Open(name, utf16.length(self._text), at))
        self._at += len(mark)
        if name == "Pre":
            self._take_language()

    def _take_language(self) -> None:
        end = self._at
        while end < len(self._source) and not self._source[end].isspace() and self._source[end] != "`":
            end += 1
        if end > self._at and end < len(self._source) and self._source[end] != "`":
            self._open[-1].name, self._open[-1].language = "PreCode", self._source[self._at : end]
            self._at = end
        if self._source.startswith("\n", self._at):
            self._at += 1

    def _ends(self) -> bool:
        name = self._open[-1].name if self._open else ""
        if name == "Italic" and self._source.startswith("__", self._at):
            return False
        return name in CLOSING and self._source.startswith(CLOSING[name], self._at)

    def _end(self) -> None:
        last = self._open.pop()
        self._at += len(CLOSING[last.name])
        kind = TYPES.get(last.name, last.name.lower())
        if last.name not in {"TextUrl", "CustomEmoji"}:
            self._add(last, kind, language=last.language)
            return
        shown = utf16.part(self._text, last.offset, utf16.length(self._text) - last.offset)
        url = self._url() if self._source.startswith("(", self._at) else shown
        if last.name == "CustomEmoji":
            self._add(last, kind, custom_emoji_id=url.rpartition("id=")[2])
        elif "." in url or "://" in url:
            self._add(last, kind, url=url)

    def _url(self) -> str:
        begin, url = self._at + 1, ""
        self._at = begin
        while self._at < len(self._source) and self._source[self._at] != ")":
            if self._source[self._at] == "\\" and self._at + 1 < len(self._source):
                self._at += 1
            url += self._source[self._at]
            self._at += 1
        if self._at == len(self._source):
            raise cannot_parse(f"Can't find end of a URL at byte offset {len(self._source[:begin].encode())}")
        self._at += 1
        return url

    def _add(self, opened: _Open, kind: str, *, cut: int = 0, **more: str) -> None:
        units = utf16.length(self._text) - opened.offset - cut
        if units > 0:
            given = {key: value for key, value in more.items() if value}
            self._entities.append({"type": kind, "offset": opened.offset, "length": units, **given})

    def _unclosed(self) -> Exception:
        last = self._open[-1]
        return cannot_parse(f"Can't find end of {last.name} entity at byte offset {last.at}")
