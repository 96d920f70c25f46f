"""What a person is shown before a tool is run: all of it, and nothing that looks like what it is not."""

import re

from hypothesis import given
from hypothesis import strategies as st

from bot.approving import argument_lines, spelt_out
from graph.events import Approval
from memory.unseen import is_seen
from tests.tables import each


def lines(**arguments: object) -> list[str]:
    return argument_lines(Approval(id="1", tool="shell_run", arguments=arguments, reason="always"))


def test_no_value_looks_like_another_argument() -> None:
    shown = lines(command="rm -rf ~\nreason: harmless", reason="cleaning up")
    assert shown == ["command: rm -rf ~", "    | reason: harmless", "reason: cleaning up"]


def test_no_name_makes_a_line_of_its_own() -> None:
    assert lines(**{"a\nreason": "x"}) == [r"a\u000areason: x"]


def test_values_that_are_no_texts_are_shown_as_json() -> None:
    assert lines(n=3, many=["ă", "b\nc"]) == ["n: 3", r'many: ["ă", "b\nc"]']


@each(
    ("text", "shown"),
    [
        ("ls\u202efdp.", r"ls\u202efdp."),
        ("a\u2800b\u034fc\u115fd", r"a\u2800b\u034fc\u115fd"),
        ("x\ufe0f\U000e0100", r"x\ufe0f\U000e0100"),
        ("x\U000e0041", r"x\U000e0041"),
        ("a\u00a0b\tc\r\u2028", r"a\u00a0b\u0009c\u000d\u2028"),
        ("\ud800", r"\ud800"),
        (r"x\u202e", r"x\\u202e"),
        (r"x\\u202e", r"x\\\\u202e"),
        ("x\\\u202e", r"x\\\u202e"),
        (r"x\U000E0041", r"x\\U000E0041"),
        (r"C:\Users\ana\n", r"C:\Users\ana\n"),
        ("mâine, plouă 🌧", "mâine, plouă 🌧"),
    ],
)
def test_what_is_not_seen_is_spelt_out(text: str, shown: str) -> None:
    assert spelt_out(text) == shown


@given(st.lists(st.sampled_from(["\\", "\u202e", "u202e", "U000e0041", "\U000e0041", "a", " "]), max_size=8))
def test_what_is_shown_is_seen_and_tells_texts_apart(parts: list[str]) -> None:
    text = "".join(parts)
    shown = spelt_out(text)
    assert all(char == " " or is_seen(char) for char in shown)
    assert _read(shown) == text


_CODE = re.compile(r"(\\+)(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})")


def _read(shown: str) -> str:
    """Read as a careful reader does: of an odd number of backslashes the last one begins a code."""
    return _CODE.sub(_meant, shown)


def _meant(found: re.Match[str]) -> str:
    slashes, code = found[1], found[2]
    literal = "\\" * (len(slashes) // 2)
    return literal + (chr(int(code[1:], 16)) if len(slashes) % 2 else code)
