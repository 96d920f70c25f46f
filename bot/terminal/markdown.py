"""Markdown in a terminal: whole texts, and replies while they are being written.

Imported when the first reply is shown: parser and highlighter take a tenth of a second.
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
"""Seconds between two drawings of the block that is being written."""
_FENCE = re.compile(r" {0,3}(?:`{3,}|~{3,})")
_PARSER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable(["reference"])
"""Without HTML and link definitions, which rich would leave out: nothing that was written is lost."""


class _Code(CodeBlock):
    """Code without a background, so that it can be copied without blanks at the ends of its lines."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        code, lexer = str(self.text).rstrip(), self.lexer_name
        yield Syntax(
            code, lexer, theme=self.theme, word_wrap=True, padding=(0, 2), background_color="default"
        )


class _Heading(Heading):
    LEVEL_ALIGN: ClassVar[dict[str, JustifyMethod]] = {}
    """All to the left."""


class _Block(Markdown):
    """One block of a text."""

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
    """A text in Markdown as the lines that show it; line breaks and addresses are those that were written."""

    def __init__(self, text: str) -> None:
        self._blocks = [_Block(tokens) for tokens in _blocks(_PARSER.parse(printable(text)))]

    def lines(self, console: Console) -> list[list[Segment]]:
        """Return the lines at the console's width, with a blank one between blocks."""
        lines: list[list[Segment]] = []
        for block in self._blocks:
            shown = _trimmed([_bare(line) for line in console.render_lines(block, pad=False)])
            lines += [[], *shown] if lines and shown else shown
        return lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from _joined(self.lines(console))


class MarkdownReply:
    """A reply while it is written: what is finished is printed once, the block being written is redrawn.

    No more is redrawn than the screen holds, so that what scrolls away is right and stays as it is.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said = ""
        self._written, self._printed = "", 0
        """What can be printed of it, and how much of that is printed for good."""
        self._shown = False
        """Whether there is anything to see of what is printed for good."""
        self._live = Live(
            get_renderable=lambda: self,
            console=console,
            auto_refresh=False,  # from a thread, it would draw over what is printed meanwhile
            transient=True,
            vertical_overflow="crop",
        )
        self._drawing: asyncio.TimerHandle | None = None

    def write(self, piece: str) -> None:
        """Show some more of it."""
        self._said += piece
        self._written += printable(piece)
        if not self._live.is_started:
            self._live.start()
        if "\n" in piece:
            self._print(finished(self._rest))
        if self._drawing is None:
            self._drawing = asyncio.get_running_loop().call_later(_PAUSE, self._draw)

    def end(self) -> str:
        """Print what is left, and return the whole."""
        if self._drawing is not None:
            self._drawing.cancel()
        if self._live.is_started:
            self._live.stop()
            self._print(len(self._rest))
        return self._said

    def _draw(self) -> None:
        self._drawing = None
        self._live.refresh()

    @property
    def _rest(self) -> str:
        return self._written[self._printed :]

    def _print(self, length: int) -> None:
        """Print so much of the rest for good, and a blank line between the blocks."""
        lines, above = Rendered(self._rest[:length]).lines(self._console), self._above()
        self._printed += length
        if lines:  # a quote without words, for one, has none
            self._shown = True
            self._console.print(Group(*above, Segments(_joined(lines))))

    def _above(self) -> list[str]:
        return [""] if self._shown else []

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the end of the block that is being written, as much as the screen holds."""
        height = max(console.height - 1, 1)
        lines = Rendered(_ending(self._rest, height)).lines(console)
        yield from self._above() if 0 < len(lines) < height else []
        yield from _joined(lines[-height:])


def finished(text: str) -> int:
    """Return how many characters of a text that is being written hold finished blocks.

    The last block that begins in a whole line may go on; the ones before it cannot change any more.
    """
    whole = text[: text.rfind("\n") + 1]
    starts = [token.map[0] for token in _PARSER.parse(whole) if token.level == 0 and token.map]
    lines = whole.split("\n")[: max(starts, default=0)]
    return sum(len(line) + 1 for line in lines)


def _ending(text: str, lines: int) -> str:
    """Return the last lines of a block, code as such; the whole would take longer with each line."""
    written = text.split("\n")
    if len(written) <= lines + 1:
        return text
    opening = written[:1] if _FENCE.match(text) else []
    return "\n".join([*opening, *written[-lines:]])


def _blocks(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Yield the tokens of each block that stands in no other."""
    block: list[Token] = []
    for token in tokens:
        block.append(_lossless(token))
        if token.level == 0 and token.nesting <= 0:
            yield block
            block = []


def _lossless(token: Token) -> Token:
    """Keep line breaks as they were written, and show the address of what is not text."""
    if token.children is not None:
        token.children = list(_inline(token.children))
    return token


def _inline(tokens: Iterable[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.type == "softbreak":
            yield Token("hardbreak", "br", 0)
        elif token.type == "image":
            yield Token("text", "", 0, content=f"{token.content} ({token.attrGet('src')})")
        elif token.markup != "autolink":  # its text is the address
            yield token


def _bare(line: list[Segment]) -> list[Segment]:
    """Return a line without blanks at its end."""
    line = list(line)
    while line and not line[-1].text.strip():
        line.pop()
    if line:
        text, style, control = line[-1]
        line[-1] = Segment(text.rstrip(), style, control)
    return line


def _trimmed(lines: list[list[Segment]]) -> list[list[Segment]]:
    """Return lines without blank ones before and after them."""
    told = [place for place, line in enumerate(lines) if line]
    return lines[told[0] : told[-1] + 1] if told else []


def _joined(lines: Iterable[list[Segment]]) -> Iterator[Segment]:
    for line in lines:
        yield from line
        yield Segment.line()
