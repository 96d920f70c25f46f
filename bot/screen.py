"""What the terminal shows of a turn."""

from collections.abc import Sequence
from datetime import tzinfo

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from graph.state import Allocation, Recall, State
from memory.models import Candidate, Decision, Fact
from memory.prompt import day

SNIPPET = 70
_CONTROL = {code: None for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
_RULES = {
    "null": "null turns",
    "ratio": "gap ratio",
    "few": "distance (fewer than 3)",
    "echo": "is in the conversation",
    "budget": "no room in the budget",
}


def printable(text: str) -> str:
    """Return `text` without control characters, which could take over a terminal."""
    return text.translate(_CONTROL)


def snippet(text: str) -> str:
    """Return the beginning of a text on one line."""
    line = " ".join(printable(text).split())
    return line if len(line) <= SNIPPET else line[: SNIPPET - 1] + "…"


def why(state: State, zone: tzinfo) -> RenderableType:
    """Show what was recalled in a turn, with scores, and what was cut and by which rule."""
    if "allocation" not in state:
        return Text("This turn did not get as far as deciding what to recall.")
    recall, allocation = state["recall"], state["allocation"]
    parts: list[RenderableType] = [Text(line) for line in _problems(state)]
    parts.append(_searches(recall))
    if recall.candidates:
        parts.append(_table(recall, _final(state["decisions"], allocation), zone))
    parts.append(_budget(allocation))
    return Group(*parts)


def recalled_line(state: State) -> str:
    """Say in a few words what the model was shown; empty when it was nothing."""
    recalled = state["allocation"].recalled
    if not recalled:
        return ""
    return f"recalled {len(recalled)} of {len(state['recall'].candidates)} found (/why)"


def facts(rows: Sequence[Fact], zone: tzinfo) -> RenderableType:
    """Show the curated facts."""
    if not rows:
        return Text("No facts yet. Write one with: /remember key: value")
    table = Table("fact", "value", "noted")
    for fact in rows:
        table.add_row(Text(printable(fact.key)), Text(printable(fact.value)), day(fact.at, zone))
    return table


def warn(console: Console, text: str) -> None:
    """Print what went wrong, and what to do."""
    console.print(Text(printable(text), style="yellow"))


def _problems(state: State) -> list[str]:
    reports = state["recall"].reports.items()
    problems = [f"{name}: {report.status}. {report.problem}" for name, report in reports if report.problem]
    problems += [state["persona"].problem, state["fact_sheet"].problem]
    if "archived" in state:
        problems.append(state["archived"].problem)
    return [printable(problem) for problem in problems if problem]


def _searches(recall: Recall) -> Text:
    lines = [
        f"{name}: {report.found} found in {report.milliseconds:.0f} ms ({report.status})"
        for name, report in recall.reports.items()
    ]
    return Text("\n".join(lines), style="dim")


def _final(decisions: Sequence[Decision], allocation: Allocation) -> list[Decision]:
    """Return each candidate's last word: the budget may cut what the gap filter kept."""
    later = {decision.turn_id: decision for decision in allocation.over_budget}
    return [later.get(decision.turn_id, decision) for decision in decisions]


def _table(recall: Recall, decisions: Sequence[Decision], zone: tzinfo) -> Table:
    by_id: dict[str, Candidate] = {candidate.turn_id: candidate for candidate in recall.candidates}
    table = Table("", "similarity", "beats null turns", "decided by", "when", "memory")
    for decision in decisions:
        candidate = by_id[decision.turn_id]
        numbers = f"{decision.score:.3f} {'>' if decision.kept else 'not >'} {decision.threshold:.3f}"
        rule = _RULES.get(decision.rule, decision.rule)
        table.add_row(
            "kept" if decision.kept else "cut",
            f"{candidate.score:.3f}",
            f"{decision.probability:.0%}",
            f"{rule}: {numbers}" if decision.rule in {"null", "ratio", "few"} else rule,
            day(candidate.at, zone),
            Text(snippet(candidate.message)),
            style="" if decision.kept else "dim",
        )
    return table


def _budget(allocation: Allocation) -> Text:
    return Text(
        f"budget {allocation.total} tokens (confidence {allocation.confidence:.1f}, "
        f"complexity {allocation.complexity:.2f}): identity and facts {allocation.fixed}, "
        f"conversation {allocation.l2_used} of {allocation.l2_limit}, "
        f"memory {allocation.l3_used} of {allocation.l3_limit}",
        style="dim",
    )
