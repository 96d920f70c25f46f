"""What `/why` says: what was recalled for an answer, what was cut, and by which rule."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, tzinfo
from urllib.parse import quote

from bot.pictures.picture_values import Words
from bot.presentation.turn_screen import CUT_SHOWN
from bot.printable import snippet
from bot.telegram.texts import verbatim
from graph.explain.explanation import ExplainedMemory, Explanation
from graph.explain.reasons import RULES, measure, rule_of
from memory.models import Decision

LONGEST = 3500
"""UTF-16 units that are shown at most, which leaves room under Telegram's 4096."""
_LONGEST_PROBLEM = 150
_MOST_CALLS = 8
_URL = re.compile(r"\(<[^>]*>\)")
_URL_SAFE = ":/?#[]@!$&'()*+,;=%~"

Say = Callable[..., str]
"""Texts in one language: a key, then the values by name."""


def why_text(turn: Explanation | None, zone: tzinfo, say: Say, link: Callable[[str], str | None]) -> str:
    """Return what became of the memories that were found for a turn, as Markdown.

    `say` makes a text of a key and values; `link` tells where the message of a turn can be seen, if anywhere.
    """
    if turn is None:
        return say("why_unfinished")
    rows = turn.memories
    head = [say("why_title"), *_searches(turn, say), *_problems(turn, say), *_tools(turn, say)]
    room = LONGEST - shown_length("\n".join([*head, _budget(turn, say)])) - _around(rows, say)
    middle = _sections(rows, say, lambda row: _entry(row, zone, say, link), room)
    return "\n\n".join(["\n".join(head), *middle, _budget(turn, say)])


def picture_words(say: Say) -> Words:
    """Return the words of the picture beside the text."""
    return Words(
        scores=say("picture_scores"),
        threshold=say("picture_threshold"),
        breaks=say("picture_breaks"),
        kept=say("picture_kept"),
        cut=say("picture_cut"),
        nothing=say("picture_nothing"),
        more=say("why_more", count="{count}"),
        room=say("picture_room", total="{total}"),
        fixed=say("picture_fixed"),
        conversation=say("picture_conversation"),
        memory=say("picture_memory"),
        left=say("picture_left"),
        used=say("picture_used"),
        limit=say("picture_limit"),
    )


def when(at: datetime, zone: tzinfo) -> str:
    """Return a time that reads alike in all languages."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def shown_length(markdown: str) -> int:
    """Return how long Markdown of this module is for Telegram at most: in UTF-16 units, without its URLs."""
    return len(_URL.sub("", markdown).encode("utf-16-le", "surrogatepass")) // 2


def _searches(turn: Explanation, say: Say) -> Iterator[str]:
    what = verbatim(snippet(turn.expanded or turn.message))
    at_once = max((report.milliseconds for report in turn.searches.values()), default=0.0)
    yield say("why_searched", what=what, ms=f"{at_once:.0f}")
    if turn.time:
        yield say("why_time", what=verbatim(snippet(turn.time)))
    if turn.keys:
        yield say("why_keys", what=verbatim(snippet(", ".join(turn.keys))))


def _problems(turn: Explanation, say: Say) -> list[str]:
    return [say("why_problem", problem=verbatim(text[:_LONGEST_PROBLEM])) for text in turn.problems]


def _tools(turn: Explanation, say: Say) -> Iterator[str]:
    for result in turn.results[:_MOST_CALLS]:
        what = verbatim(result.evidence[:_LONGEST_PROBLEM])
        yield say("why_called" if result.ok else "why_call_failed", what=what)
    if figures := turn.grounding.unsupported:
        what = verbatim(", ".join(figures)[:_LONGEST_PROBLEM])
        yield say("why_corrected" if turn.grounding.corrected else "why_unsupported", what=what)


def _budget(turn: Explanation, say: Say) -> str:
    a = turn.shares
    shares = say("why_budget", total=a.total, memory=a.l3_used, conversation=a.l2_used, fixed=a.fixed)
    return "\n".join([shares, *_window(turn, say)])


def _window(turn: Explanation, say: Say) -> Iterator[str]:
    """Say how the turn was fitted into the model's context window; names of tools may be a plugin's."""
    for key, values in turn.window:
        shown = {name: verbatim(v) if isinstance(v, str) else v for name, v in values.items()}
        yield say(f"window_{key}", **shown)


def _around(rows: Sequence[ExplainedMemory], say: Say) -> int:
    """Return the room that headings and blank lines may take."""
    count = len(rows)
    return shown_length("\n".join(say(key, count=count) for key in ("why_kept", "why_cut", "why_more"))) + 12


def _sections(
    rows: Sequence[ExplainedMemory], say: Say, entry: Callable[[ExplainedMemory], str], room: int
) -> list[str]:
    """Return what was kept, what was cut, and how many more there are, as far as there is room."""
    if not rows:
        return [say("why_nothing_found")]
    kept = [row for row in rows if row.decision.kept]
    cut = [row for row in rows if not row.decision.kept]
    fitting = _fitting([entry(row) for row in kept + cut[:CUT_SHOWN]], room)
    parts = {"why_kept": (fitting[: len(kept)], kept), "why_cut": (fitting[len(kept) :], cut)}
    texts = ["\n".join([say(key, count=len(of)), *shown]) for key, (shown, of) in parts.items() if shown]
    left = len(rows) - len(fitting)
    return [*texts, say("why_more", count=left)] if left else texts


def _fitting(entries: Sequence[str], room: int) -> list[str]:
    """Return the first entries that together, each on its own lines, fit into `room`."""
    fitting = []
    for entry in entries:
        room -= shown_length(entry) + 1
        if room < 0:
            break
        fitting.append(entry)
    return fitting


def _entry(row: ExplainedMemory, zone: tzinfo, say: Say, link: Callable[[str], str | None]) -> str:
    date, url = when(row.at, zone) if row.at else "", link(row.decision.turn_id)
    dated = f"[{date}](<{quote(url, safe=_URL_SAFE)}>)" if url else date
    head = f"**{row.number}** · {dated} · {row.decision.probability:.0%}"
    words = verbatim(snippet(row.text))
    return "\n".join(line for line in (head, words, f"_{reason(row.decision, say)}_") if line)


def reason(decision: Decision, say: Say, quoted: Callable[[str], str] = verbatim) -> str:
    """Say which rule decided, and what was held against what; `quoted` shows an unknown name."""
    rule = rule_of(decision)
    name = say(f"rule_{rule}") if rule in RULES else quoted(rule)
    return f"{name}: {held}" if (held := measure(decision)) else name
