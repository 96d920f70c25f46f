"""Replies in a terminal: Markdown while it is written, nothing lost; plain text where there is no screen."""

import asyncio
import io
import itertools
import re
from collections.abc import Sequence

import pytest
from hypothesis import example, given, strategies as st
from rich.console import Console

from bot.terminal.markdown import MarkdownReply, Rendered, finished_length
from bot.terminal.turn_view import reply_view

BLOCKS = (
    "# Title",
    "Some *text*\nin two lines #no heading",
    "- one\n- two\n\n  more of two\n    - deeper",
    "1. first\n2. second",
    "```python\ndef f():\n\n    return '# no heading'\n```",
    "    indented code",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "> quoted\n> text",
    "---",
    "[1]: https://example.org",
    "text\n---",
    "~~~\nnever closed",
)
_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


def printed(pieces: Sequence[str], *, screen: bool = False, height: int = 10) -> str:
    """Return what is printed of a reply that is written in pieces."""
    file = io.StringIO()
    console = Console(file=file, width=40, height=height, force_terminal=screen, soft_wrap=True)

    async def write() -> str:
        reply = MarkdownReply(console)
        for piece in pieces:
            reply.write(piece)
            if screen:
                await asyncio.sleep(0.1)
        return reply.end()

    assert asyncio.run(write()) == "".join(pieces)
    return file.getvalue()


def rendered(text: str) -> str:
    file = io.StringIO()
    Console(file=file, width=40, soft_wrap=True).print(Rendered(text))
    return file.getvalue()


@given(
    st.lists(st.sampled_from(BLOCKS), max_size=5).map("\n\n".join) | st.text("#-*>`|1. a\n", max_size=60),
    st.lists(st.integers(0, 200), max_size=8),
)
@example("1\n>\n", [2])  # a quote without words
@example(">\n\n1\n# \n2", [4])
def test_a_reply_in_pieces_is_printed_as_the_whole(text: str, cuts: list[int]) -> None:
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[start:end] for start, end in itertools.pairwise(places)]
    assert printed(pieces) == rendered(text)


def test_a_finished_block_is_printed_before_the_reply_ends() -> None:
    assert finished_length("One.\n\nTwo.\n") == len("One.\n\n")
    assert finished_length("One.\n\n#") == 0
    assert finished_length("- a\n\n- b\n") == 0


def test_no_more_is_redrawn_than_the_screen_holds() -> None:
    code = "".join(f"line {number}\n" for number in range(40))
    shown = printed(["Above.\n\n", f"```\n{code}", "last\n", "```\n"], screen=True)
    ups = [moved.count("A") for moved in re.findall(r"(?:\x1b\[1A\x1b\[2K)+", shown)]
    assert 1 < max(ups) < 10
    lines = _SEQUENCE.sub("", shown).replace("\r", "").splitlines()
    assert [line.strip() for line in lines if "line 0" in line] == ["line 0"]
    assert [line.strip() for line in lines[-42:]] == ["", *code.split("\n")[:-1], "last"]


@pytest.mark.parametrize(
    "text",
    ["List<String> and <b>", "[1]: https://a.example", "<https://a.example>", "![pic](https://a.example)"],
)
def test_nothing_that_was_written_is_left_out(text: str) -> None:
    words = re.findall(r"[\w/.:]+", text)
    assert [word for word in words if word not in rendered(text)] == []


def test_an_address_behind_a_text_is_shown() -> None:
    assert rendered("[bank](https://evil.example)") == "bank (https://evil.example)\n"


def test_line_breaks_stay() -> None:
    assert rendered("Ana\nStrada Lungă 4") == "Ana\nStrada Lungă 4\n"


def test_what_takes_over_a_terminal_is_left_out() -> None:
    assert "\x1b" not in rendered("a\x1b]0;owned\x07b") + printed(["a\x1b]0;own", "ed\x07b \x9b2J\r\n"])


@pytest.mark.parametrize("environment", [{"force_terminal": False}, {"force_terminal": True, "dumb": True}])
def test_without_a_screen_a_reply_is_printed_as_it_is_written(
    environment: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb" if environment.pop("dumb", False) else "xterm")
    file = io.StringIO()
    reply = reply_view(Console(file=file, **environment))  # type: ignore[arg-type]
    reply.write("# Not ")
    reply.write("a *heading*")
    assert reply.end() == "# Not a *heading*"
    assert file.getvalue() == "# Not a *heading*\n"
