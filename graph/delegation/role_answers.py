"""Lenient parsers for the answers of planner and critic: JSON in several shapes, with prose around it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graph.delegation.roles import MOST_STEPS
from graph.delegation.state import CODER, RESEARCHER, Review, Step
from memory.text.text import clean, clip, shortened

_MOST_TRIES = 20
"""Brackets of an answer at which parsing is tried."""
_LONGEST_TITLE, _LONGEST_TASK = 80, 4000


def read_plan(text: str, task: str) -> list[Step]:
    """Return a plan's steps, at most `MOST_STEPS`; an unreadable plan is one step, the task itself."""
    for value in _values(text):
        found = [step for one in _entries(value, "steps", "plan", "tasks") if (step := _step(one))]
        if found:
            return [
                Step(id=str(number), role=role, title=title, task=what)
                for number, (role, title, what) in enumerate(found[:MOST_STEPS], start=1)
            ]
    return [Step(id="1", role=RESEARCHER, title=_title(task), task=task)]


def read_review(text: str, known: Sequence[str]) -> Review:
    """Return a critic's review; an unreadable one is a critique that repeats no step."""
    for value in _values(text):
        if isinstance(value, Mapping) and ("critique" in value or "again" in value):
            entries = value.get("again")
            again = dict(_again(entries if isinstance(entries, list) else [], known))
            return Review(critique=_text(value.get("critique")), again=again)
    return Review(critique=clean(text).strip())


def _again(entries: Sequence[Any], known: Sequence[str]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        number, what = entry, ""
        if isinstance(entry, Mapping):
            number, what = entry.get("step"), _text(entry.get("what"))
        step = str(number).strip()
        if step in known:
            yield step, what or "It will not do."


def _values(text: str) -> Iterator[Any]:
    """Yield the JSON objects and lists in a text, in order."""
    decoder, at = json.JSONDecoder(), 0
    for _ in range(_MOST_TRIES):
        places = [place for place in (text.find("{", at), text.find("[", at)) if place >= 0]
        if not places:
            return
        try:
            value, at = decoder.raw_decode(text, min(places))
        except (ValueError, RecursionError):
            at = min(places) + 1
            continue
        yield value


def _entries(value: Any, *names: str) -> list[Any]:
    if isinstance(value, Mapping):
        value = next((value[name] for name in names if name in value), [value])
    return value if isinstance(value, list) else []


def _step(entry: Any) -> tuple[str, str, str] | None:
    """Return role, title and task of a step; None when it has no text."""
    if isinstance(entry, str):
        entry = {"task": entry}
    if not isinstance(entry, Mapping):
        return None
    task = _text(entry.get("task")) or _text(entry.get("description")) or _text(entry.get("title"))
    if not task:
        return None
    role = CODER if _text(entry.get("role")).lower().startswith("cod") else RESEARCHER
    return role, _title(_text(entry.get("title")) or task), task


def _text(value: Any) -> str:
    return shortened(clean(value).strip(), _LONGEST_TASK) if isinstance(value, str) else ""


def _title(text: str) -> str:
    return clip(" ".join(clean(text).split()), _LONGEST_TITLE, "…")
