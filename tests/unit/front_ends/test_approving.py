"""What a person is shown before a tool is run: all of it, and nothing that looks like what it is not."""

from bot.presentation.approval_question import argument_lines, escape
from graph.events.turn_events import Approval
from tests.linear import not_linear
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
    assert escape(text) == shown


def test_a_long_run_of_backslashes_does_not_hold_up_the_question() -> None:
    assert not_linear(escape, ["\\", "\\u", "\\\u200b"]) == []
