"""Tables and pictures of a finished turn."""

from collections.abc import Mapping
from datetime import tzinfo

from IPython.display import Image
from matplotlib.figure import Figure

from bot.lab.widgets import Table
from bot.pictures.canvas import png
from bot.pictures.turn_picture import turn_figure
from bot.presentation.turn_screen import picture_of
from bot.printable import printable, snippet
from graph.builder import CAPTIONS
from graph.explain.explanation import Explanation, explain, explain_decision
from graph.observability.turn_recorder import PARALLEL_NODES
from graph.state.turn_state import State
from memory.models import SearchStatus
from memory.prompt.prompt import format_time
from memory.text.text import clip

_SHOWN = 700
"""Maximum characters of each message in a prompt."""
_LACKING = {
    SearchStatus.LATE: "was late: the tables below show a turn without memory",
    SearchStatus.DOWN: "failed: the tables below show a turn without memory",
    SearchStatus.PARTIAL: "was done only in part: memories may be missing from the tables below",
}


def search_warning(state: State) -> str:
    """Return a warning that the turn's search is incomplete; "" when it is whole."""
    reports = state["recall"].reports.values()
    lacking = [report for report in reports if report.status in _LACKING]
    if not lacking:
        return ""
    found = f"Warning: the search {_LACKING[SearchStatus(lacking[0].status)]}. {lacking[0].problem}".strip()
    return f"{found}\nClose what else is running, and run the notebook again."


def nodes_table(state: State) -> Table:
    """Return what each node of the turn did, and its duration."""
    turn_id = state["turn"].turn_id
    lines, rows = state.get("story", {}).get(turn_id, {}), list[tuple[object, ...]]()
    for name, milliseconds in timings(state).items():
        first, *more = lines.get(name, ()) or ("",)
        rows.append((name, CAPTIONS[name]["does"], milliseconds, first))
        rows += [("", "", None, line) for line in more]
    return Table(("node", "purpose", "ms", "what it did"), rows)


def timings(state: State) -> dict[str, float]:
    """Return the duration of each node in milliseconds, in order."""
    taken: Mapping[str, float] = state.get("timings", {}).get(state["turn"].turn_id, {})
    return {name: taken[name] for name in CAPTIONS if name in taken}


def schedule(state: State) -> list[tuple[str, float, float]]:
    """Return each node's start and end in milliseconds, without the pauses between nodes."""
    taken, spans = timings(state), []
    until = max((taken[name] for name in PARALLEL_NODES if name in taken), default=0.0)
    for name, milliseconds in taken.items():
        began = 0.0 if name in PARALLEL_NODES else until
        spans.append((name, began, began + milliseconds))
        until = until if name in PARALLEL_NODES else began + milliseconds
    return spans


def query_table(state: State) -> Table:
    """Return the query to the archive."""
    recall, turn = state["recall"], state["turn"]
    times = recall.times
    meant = f"{times.text!r}: {times.start:%Y-%m-%d %H:%M} to {times.end:%Y-%m-%d %H:%M}" if times else "none"
    rows = [
        ("the message", turn.said),
        ("searched for", recall.expanded or "the message as it is"),
        ("keys in it", ", ".join(recall.keys) or "none"),
        ("time it refers to", meant),
        ("turns in the archive", recall.query.documents),
        ("its words that are in no archived turn", f"{recall.query.unseen:.0%}, by rarity"),
        ("is small talk", "yes" if recall.query.small_talk else "no"),
    ]
    for name, report in recall.reports.items():
        rows.append((f"search, {name}", f"{report.status}, {report.found} found {report.problem}".strip()))
    return Table(("", ""), rows)


def candidates_table(state: State, zone: tzinfo, most: int = 12) -> Table:
    """Return the first candidates, kept ones first, with their evidence and the rule that decided."""
    turn = explain(state)
    rows = [
        (
            one.number,
            format_time(one.at, zone) if one.at else "",
            one.decision.mechanism.value,
            one.decision.rank,
            *map(_rounded, (evidence.cosine, evidence.standing, evidence.lexical, evidence.share)),
            f"{one.decision.probability:.1%}",
            "shown" if one.decision.kept else "cut",
            explain_decision(one.decision),
            snippet(one.text),
        )
        for one in (turn.memories if turn else ())[:most]
        if (evidence := one.decision.evidence)
    ]
    columns = "|of|found by|rank|cosine|standing|BM25|share|probability||by the rule|it begins"
    return Table(columns.split("|"), rows)


def prompt_text(state: State, most: int = _SHOWN) -> str:
    """Return the prompt, each message shortened in its middle."""
    parts = (f"[{message.type}]\n{printable(clip(message.text, most))}" for message in state["prompt"])
    return "\n\n".join(parts)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


_SNIPPET = 90
"""Characters of a memory that are shown."""


def picture(figure: Figure) -> Image:
    """Return a figure as a cell shows it."""
    return Image(png(figure))  # type: ignore[no-untyped-call]


def memories_figure(state: State, most: int = 10) -> Figure:
    """Draw a turn's best `most` memories with their probabilities and the threshold."""
    scores, _ = picture_of(
        _explained(state), lambda at: f"{at:%Y-%m-%d %H:%M}", snippet=lambda text: text[:_SNIPPET]
    )
    return turn_figure(scores, None, most=most)


def budget_figure(state: State) -> Figure:
    """Draw how a turn's budget was divided."""
    _, room = picture_of(_explained(state), str, snippet=str)
    return turn_figure(None, room)


def _explained(state: State) -> Explanation:
    explained = explain(state)
    if explained is None:
        raise ValueError("the turn has no decisions yet")
    return explained
