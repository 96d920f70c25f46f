"""Extraction of a JSON value from a tape, by matching brackets."""

import re

from memory.markup.reader_state import Tape, Wait

MAX_DEPTH = 64
_TOKEN = re.compile(r'[^"{}\[\]]++|"(?:[^"\\]++|\\.)*(?P<end>")?|[{}\[\]]', re.DOTALL)
_STRING = re.compile(r'(?:[^"\\]++|\\.)*(?P<end>")?', re.DOTALL)
_STEP = {"{": 1, "[": 1, "}": -1, "]": -1}


def take_json(tape: Tape) -> Wait[str | None]:
    """Take an object or a list; None when it is cut off or nested too deeply.

    In that case all following text is taken too, since it cannot be told from the value.
    """
    parts: list[str] = []
    depth = 0
    in_string = False
    while True:
        end, depth, in_string = _advance(tape.text, tape.at, depth, in_string)
        parts.append(tape.take(end - tape.at))
        if depth == 0 and end:
            return "".join(parts)
        if depth > MAX_DEPTH:
            yield from tape.rest()
        if tape.ended:
            tape.take(tape.left)
            return None
        yield


def _advance(text: str, at: int, depth: int, in_string: bool) -> tuple[int, int, bool]:
    """Read to the end of the value or of the text; a final backslash is left."""
    while at < len(text):
        token = (_STRING if in_string else _TOKEN).match(text, at)
        if token is None or token.end() == at:
            break
        at = token.end()
        if in_string or token[0][0] == '"':
            in_string = token["end"] is None
            continue
        depth += _STEP.get(token[0], 0)
        if not 0 < depth <= MAX_DEPTH:
            break
    return at, depth, in_string
