"""Patterns of markup's openings, complete and partial."""

import re

from memory.text.text import LazyPattern

PIPE = "[ ]{0,2}[|｜‖]{1,2}[ ]{0,2}"
"""Variants of a bar: fullwidth, ASCII, double, with spaces."""
_ATOMS = {
    "<": "[<＜]",
    ">": "[ ]{0,2}[>＞]",
    "/": "[/／]",
    "|": PIPE,
    "_": r"[_▁]",
    " ": r"[ \n\t]{1,4}",
}
_SPELLINGS: dict[str, tuple[str, ...]] = {
    "dsml": ("<|DSML|", "</|DSML|"),
    "body": ("<tool_call>", "<function_call>", "<|tool_call|>", "<toolcall>", "<|tool_call_start|>"),
    "wrapper": (
        "<function_calls>", "<antml:function_calls>", "<tool_calls>", "<minimax:tool_call>",
        "<|tool_calls_begin|>", "<|tool_calls_section_begin|>",
    ),
    "invoke": ("<invoke name=", "<antml:invoke name="),
    "function": ("<function=",),
    "token": ("<|tool_call_begin|>",),
    "python": ("<|python_tag|>",),
    "listed": ("[TOOL_CALLS]",),
    "closing": (
        "</tool_call>", "</function_call>", "</toolcall>", "</function_calls>", "</antml:function_calls>",
        "</tool_calls>", "</minimax:tool_call>", "</invoke>", "</antml:invoke>", "</function>",
        "<|tool_calls_end|>", "<|tool_call_end|>", "<|tool_calls_section_end|>", "<|eom_id|>", "<|eot_id|>",
        "</|DSML|invoke>", "</|DSML|function_calls>", "</|DSML|tool_calls>", "</|DSML|calls>",
    ),
}  # fmt: skip
LONGEST_PART = 128
_LINE_START = r"(?<![^\n])[ \t]{0,12}"


def _whole(spelling: str) -> str:
    return "".join(_ATOMS.get(char, re.escape(char)) for char in spelling)


def _part(spelling: str) -> str:
    """Return a pattern of any prefix of an opening, at least its first character."""
    pattern = "(?!)"
    for char in reversed(spelling):
        atom = _ATOMS.get(char, re.escape(char))
        begun = {"|": "[ ]{0,2}[|｜‖]?", " ": r"[ \n\t]{0,4}", ">": "[ ]{0,2}"}.get(char, "")
        pattern = f"(?:{atom}{pattern}|{begun}\\Z)"
    return pattern


_OPENINGS = "|".join(
    f"(?P<{kind}>{'|'.join(map(_whole, spellings))})" for kind, spellings in _SPELLINGS.items()
)
_PARTS = "|".join(
    _ATOMS.get(spelling[0], re.escape(spelling[0])) + _part(spelling[1:])
    for spellings in _SPELLINGS.values()
    for spelling in spellings
)
MARK = LazyPattern(
    rf"(?P<fence>{_LINE_START}(?:`{{3,64}}|~{{3,64}}))|(?P<ticks>`{{1,64}})|{_OPENINGS}", re.IGNORECASE
)
"""A code fence, inline code, or an opening; the group names its kind."""
PART = LazyPattern(
    rf"(?:{_PARTS}|{_LINE_START}(?<=[ \t])\Z|{_LINE_START}(?:`{{1,64}}|~{{1,64}})\Z)", re.IGNORECASE
)
"""The end of a text that may become a mark; at most `LONGEST_PART` characters."""
CLOSING = LazyPattern("|".join(map(_whole, _SPELLINGS["closing"])), re.IGNORECASE)
"""The closing of any call."""


def fence_end(fence: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the patterns of a code fence's closing line, complete and partial."""
    char, count = fence[0], min(len(fence), 12)
    return (
        re.compile(rf"{_LINE_START}{char}{{{count},64}}[ \t]{{0,12}}(?=\n|\Z)"),
        re.compile(rf"{_LINE_START}{char}{{0,64}}[ \t]{{0,12}}\Z"),
    )
