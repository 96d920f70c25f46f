"""Markdown in a terminal: whole texts, and replies that are still streaming.

Imported with the first reply: parser and highlighter take a tenth of a second.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console, ConsoleOptions, Group, JustifyMethod, RenderResult
from rich.live import Live
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownElement
from rich.segment import Segment, Segments
from rich.syntax import Syntax

from bot.printable import printable

_PAUSE = 0.08
"""Seconds between two redraws of the unfinished block."""
_FENCE = re.compile(r" {0,3}(?:`{3,}|~{3,})")
_PARSER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable(["reference"])
"""Without HTML and link definitions, which Rich would drop from the text."""


class _Code(CodeBlock):
    """Code without a background, so that copied lines have no trailing blanks."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        code, lexer = str(self.text).rstrip(), self.lexer_name
        yield Syntax(
            code, lexer, theme=self.theme, word_wrap=True, padding=(0, 2), background_color="default"
        )


class _Heading(Heading):
    LEVEL_ALIGN: ClassVar[dict[str, JustifyMethod]] = {}
    """Left-aligned."""


class _Block(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "fence": _Code,
        "code_block": _Code,
        "heading_open": _Heading,
    }

    def __init__(self, tokens: list[Token]) -> None:
        super().__init__("", code_theme="ansi_dark", hyperlinks=False)
        self.parsed = tokens


class Rendered:
    """Markdown text as terminal lines; keeps line breaks and URLs as written."""

    def __init__(self, text: str) -> None:
        self._blocks = [_Block(tokens) for tokens in _blocks(_PARSER.parse(printable(text)))]

    def lines(self, console: Console) -> list[list[Segment]]:
        """Render the lines at the console's width, with a blank line between blocks."""
        lines: list[list[Segment]] = []
        for block in self._blocks:
            shown = _trimmed([_bare(line) for line in console.render_lines(block, pad=False)])
            lines += [[], *shown] if lines and shown else shown
        return lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from _joined(self.lines(console))


class MarkdownReply:
    """A streaming reply: finished blocks are printed once, the last block is redrawn.

    It never redraws more than the screen holds, so that lines that scroll away are final.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._whole = ""
        self._printable, self._printed = "", 0
        """The printable reply so far, and how many of its characters are printed for good."""
        self._has_printed = False
        """True once a visible line has been printed for good."""
        self._live = Live(
            get_renderable=lambda: self,
            console=console,
            auto_refresh=False,  # a refresh thread would draw over what is printed meanwhile
            transient=True,
            vertical_overflow="crop",
        )
        self._drawing: asyncio.TimerHandle | None = None

    def write(self, piece: str) -> None:
        """Append a piece, and schedule a redraw."""
        self._whole += piece
        self._printable += printable(piece)
        if not self._live.is_started:
            self._live.start()
        if "\n" in piece:
            self._print(finished_length(self._rest))
        if self._drawing is None:
            self._drawing = asyncio.get_running_loop().call_later(_PAUSE, self._draw)

    def end(self) -> str:
        """Print the rest; return the whole reply."""
        if self._drawing is not None:
            self._drawing.cancel()
        if self._live.is_started:
            self._live.stop()
            self._print(len(self._rest))
        return self._whole

    def _draw(self) -> None:
        self._drawing = None
        self._live.refresh()

    @property
    def _rest(self) -> str:
        return self._printable[self._printed :]

    def _print(self, length: int) -> None:
        """Print the first `length` characters of the rest for good, after a blank line."""
        lines, above = Rendered(self._rest[:length]).lines(self._console), self._above()
        self._printed += length
        if lines:  # a quote without words, for example, renders to no line
            self._has_printed = True
            self._console.print(Group(*above, Segments(_joined(lines))))

    def _above(self) -> list[str]:
        return [""] if self._has_printed else []

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the end of the unfinished block, as much as the screen holds."""
        height = max(console.height - 1, 1)
        lines = Rendered(_ending(self._rest, height)).lines(console)
        yield from self._above() if 0 < len(lines) < height else []
        yield from _joined(lines[-height:])


def finished_length(text: str) -> int:
    """Return the length of the finished blocks of a streaming text.

    The last block that begins in a complete line may continue; the blocks before it are final.
    """
    whole = text[: text.rfind("\n") + 1]
    starts = [token.map[0] for token in _PARSER.parse(whole) if token.level == 0 and token.map]
    lines = whole.split("\n")[: max(starts, default=0)]
    return sum(len(line) + 1 for line in lines)


def _ending(text: str, lines: int) -> str:
    """Return a block's last lines, fenced if it is code; rendering the whole block would be quadratic."""
    written = text.split("\n")
    if len(written) <= lines + 1:
        return text
    opening = written[:1] if _FENCE.match(text) else []
    return "\n".join([*opening, *written[-lines:]])


def _blocks(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Yield the tokens of each top-level block."""
    block: list[Token] = []
    for token in tokens:
        block.append(_lossless(token))
        if token.level == 0 and token.nesting <= 0:
            yield block
            block = []


def _lossless(token: Token) -> Token:
    """Keep line breaks as written, and show the URLs of images."""
    if token.children is not None:
        token.children = list(_inline(token.children))
    return token


def _inline(tokens: Iterable[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.type == "softbreak":
            yield Token("hardbreak", "br", 0)
        elif token.type == "image":
            yield Token("text", "", 0, content=f"{token.content} ({token.attrGet('src')})")
        elif token.markup != "autolink":  # an autolink's text is its URL
            yield token


def _bare(line: list[Segment]) -> list[Segment]:
    """Strip a line's trailing blanks."""
    line = list(line)
    while line and not line[-1].text.strip():
        line.pop()
    if line:
        text, style, control = line[-1]
        line[-1] = Segment(text.rstrip(), style, control)
    return line


def _trimmed(lines: list[list[Segment]]) -> list[list[Segment]]:
    """Strip blank lines from both ends."""
    told = [place for place, line in enumerate(lines) if line]
    return lines[told[0] : told[-1] + 1] if told else []


def _joined(lines: Iterable[list[Segment]]) -> Iterator[Segment]:
    for line in lines:
        yield from line
        yield Segment.line()
