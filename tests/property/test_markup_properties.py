"""However a reply is cut into pieces, the same is shown; plain text is shown whole; hostile text is cheap."""

from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from memory.markup import VisibleText, parse_calls
from tests.linear import not_linear
from tests.unit.text.test_markup_forms import BARE, FORMS, TOOLS

PIECES = [
    "<", "</", "<|", "<｜", "<｜DS", "<｜DSML｜", "[", "[TOOL_", "[TOOL_CALLS]", "{", "}", '"', "\\", "\n",
    " ", "\n\n", "`", "``", "```", "~~~", "\n```\n", "\n```json\n", "```python\n",
    "</tool_call>", "<tool_call>", "<function=", ">", '<invoke name="', "<parameter=", "</parameter>",
    "<arg_key>", "function", '{"name": "',
    "search_memory", "[ARGS]", "Hello", "1 < 2", "ă", "日本", "<｜tool▁call▁begin｜>", "<|python_tag|>",
    "<function_calls>", "  ",
]  # fmt: skip
FRAGMENTS = st.sampled_from([*FORMS.values(), *BARE.values(), *PIECES])
REPLIES = st.lists(FRAGMENTS | st.text(max_size=8), max_size=12).map("".join)
PROSE = st.text(alphabet=st.characters(exclude_characters="<＜[{`~"), max_size=300)
CUTS = st.lists(st.integers(0, 400), max_size=30)


def streamed(text: str, cuts: list[int]) -> str:
    visible = VisibleText(TOOLS)
    ends = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    return "".join(visible.feed(text[a:b]) for a, b in pairwise(ends)) + visible.end()


@given(REPLIES, CUTS)
def test_what_is_shown_does_not_depend_on_the_pieces(reply: str, cuts: list[int]) -> None:
    assert streamed(reply, cuts).strip() == parse_calls(reply, TOOLS).text


@given(REPLIES)
def test_what_is_shown_letter_by_letter_is_the_text(reply: str) -> None:
    assert streamed(reply, list(range(len(reply)))).strip() == parse_calls(reply, TOOLS).text


@given(PROSE, CUTS)
def test_text_without_markup_is_shown_whole(text: str, cuts: list[int]) -> None:
    assert streamed(text, cuts) == text
    parsed = parse_calls(text, TOOLS)
    assert (parsed.text, parsed.calls, parsed.broken) == (text.strip(), (), ())


@given(PROSE)
def test_plain_text_is_never_held_back(text: str) -> None:
    visible = VisibleText(TOOLS)
    lead = visible.feed("x")
    assert lead == "x"
    shown = "".join(visible.feed(char) for char in text)
    assert text.removeprefix(shown).strip(" \t") == ""


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=10)
@given(cuts=CUTS)
def test_nothing_of_markup_is_ever_shown(form: str, cuts: list[int]) -> None:
    assert streamed(f"Let me look.\n{FORMS[form]}", cuts) == "Let me look.\n"


HOSTILE = [
    "<",
    "< ",
    "<｜",
    "<｜DSML｜",
    "<｜DSML｜invoke name=",
    '<｜DSML｜invoke name="a">',
    "<tool_call>",
    "<tool_call>{",
    "{",
    '{"',
    '{"a":',
    "[",
    "[TOOL_CALLS]",
    "[TOOL_CALLS][",
    "`",
    "`<tool_call>",
    "``` ",
    "\n```",
    "\n```json\n{",
    "\n",
    " ",
    "\n ",
    '<invoke name="a">',
    "<function=a>",
    "<function=a><parameter=b>",
    "<parameter=b>",
    "<|tool_call_begin|>",
    "\\",
    '"',
    "<tool_call>a<arg_key>",
    "<tool_call>a<arg_key>b</arg_key><arg_value>",
    "</tool_call>",
    "<function_calls>",
    "~~~\n",
    "<tool_call>{}",
    '<tool_call>{"name":"a"}',
    "<function=a></function>",
    "<|python_tag|>",
    "\n```json\n{}\n```",
    "` `` ",
    "<tool_call>a<arg_key>b</arg_key><arg_value></arg_value>",
    '{"name":"search_memory","arguments":{}}',
    "[]",
    "{}",
    "[{},",
]


def test_hostile_text_is_read_in_linear_time() -> None:
    for before in ("", "x", '<tool_call>{"name": ', '{"name": "search_memory", "arguments": '):
        assert not_linear(lambda text: parse_calls(text, TOOLS), HOSTILE, head=before) == [], before


def test_hostile_streams_are_read_in_linear_time() -> None:
    assert (
        not_linear(lambda text: streamed(text, list(range(len(text)))), HOSTILE, head="x", length=4_000) == []
    )
