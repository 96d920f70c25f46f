"""A turn as picture values and as terminal text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from bot.pictures.picture_values import LayerShare, Mark, Room, ScoreRow, Scores, Words
from bot.pictures.text_pictures import Signs, bar_width, mark_text, room_text, score_bar, signs_for, to_ascii
from bot.presentation.approval_question import argument_lines
from bot.printable import printable, snippet
from graph.events.turn_events import Approval
from graph.explain.explanation import ExplainedMemory, Explanation, explain, explain_decision, in_english
from graph.runtime.fact_removal import Quotations
from graph.state.turn_state import State
from memory.models import Decision, DecisionRule, Episode, Fact
from memory.observation.observation import Shares
from memory.prompt.prompt import format_time

BY_PROBABILITY = (
    DecisionRule.CALL,
    DecisionRule.NO_CALL,
    DecisionRule.WEAKER,
    DecisionRule.FURTHER,
    DecisionRule.CALIBRATED,
    DecisionRule.BREAK,
)
"""Rules that compare a probability with a threshold."""


def picture_of(
    explanation: Explanation,
    date: Callable[[datetime], str],
    *,
    words: Words | None = None,
    rule: Callable[[Decision], str] = explain_decision,
    snippet: Callable[[str], str] | None = None,
) -> tuple[Scores, Room]:
    """Return what was found for a turn and how its prompt was shared.

    `date` and `rule` format a memory's time and decision; `snippet` shortens its text, which is otherwise
    omitted.
    """
    rows, named = explanation.memories, words or Words()
    mark = mark_of(rows, named)
    shown = [score_row(one, mark, date, rule, snippet) for one in rows]
    return Scores(shown, mark), room_of(explanation.shares, named)


def mark_of(rows: Sequence[ExplainedMemory], words: Words) -> Mark | None:
    """Return the probability threshold; None if the rule does not compare probabilities."""
    decisions = [row.decision for row in rows if row.decision.rule in BY_PROBABILITY]
    value = next((decision.threshold for decision in decisions if 0 <= decision.threshold <= 1), None)
    if value is None:
        return None
    is_broken = any(decision.rule == DecisionRule.BREAK for decision in decisions)
    return Mark(value, words.breaks if is_broken else words.threshold)


def room_of(spent: Shares, words: Words) -> Room:
    shares = (
        LayerShare(words.fixed, spent.fixed),
        LayerShare(words.conversation, spent.l2_used, spent.l2_limit),
        LayerShare(words.memory, spent.l3_used, spent.l3_limit),
    )
    return Room(shares, spent.total)


def score_row(
    row: ExplainedMemory,
    mark: Mark | None,
    date: Callable[[datetime], str],
    rule: Callable[[Decision], str] = explain_decision,
    snippet: Callable[[str], str] | None = None,
) -> ScoreRow:
    """Return the row of a memory; the rule is omitted if the threshold mark already shows it."""
    decision = row.decision
    is_seen = mark is not None and decision.rule == DecisionRule.CALIBRATED
    return ScoreRow(
        number=row.number,
        date=date(row.at) if row.at else "",
        probability=decision.probability,
        kept=decision.kept,
        rule="" if is_seen else rule(decision),
        snippet=snippet(row.text) if snippet else "",
    )


CUT_SHOWN = 8
LEAST_SNIPPET = 24
MOST_BUDGET = 80


def why(state: State, zone: tzinfo) -> RenderableType:
    """Show the memories recalled in a turn with scores, and those cut with the rule."""
    explanation = explain(state)
    if explanation is None:
        return Text("This turn ended before memories were selected.")
    return Why(explanation, zone)


@dataclass(frozen=True, slots=True)
class Why:
    """A turn with an allocated budget, drawn at the terminal's width."""

    turn: Explanation
    zone: tzinfo

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        turn, (width, ascii_only) = self.turn, (options.max_width, options.ascii_only)
        parts = [Text(printable(line)) for line in turn.problems]
        parts.append(_searches(turn))
        if turn.memories:
            parts += _memories(turn.memories, self.zone, width, signs_for(ascii_only))
        parts.append(_budget(turn.shares, width, signs_for(ascii_only)))
        parts += [Text(printable(note), style="dim") for note in in_english(turn.window)]
        parts += _tools(turn)
        for part in parts:
            yield Text(to_ascii(part.plain), part.style) if ascii_only else part


def recalled_line(state: State) -> str:
    """Summarize how many memories the model was shown; empty if none."""
    recalled = state["allocation"].recalled if "allocation" in state else ()
    if not recalled:
        return ""
    return f"recalled {len(recalled)} of {len(state['recall'].candidates)} found (/why)"


def approval(asked: Approval) -> RenderableType:
    """Show a call that waits for approval, without hiding any of it."""
    title = Text(f"{printable(asked.tool)} is to be run ({asked.reason}):", style="yellow")
    return Group(title, *(Text(f"  {line}") for line in argument_lines(asked)))


def facts(rows: Sequence[Fact], zone: tzinfo) -> RenderableType:
    if not rows:
        return Text("No facts yet. Write one with: /remember key: value")
    table = Table("fact", "value", "noted")
    for fact in rows:
        table.add_row(Text(printable(fact.key)), Text(printable(fact.value)), format_time(fact.at, zone))
    return table


def quotations(found: Quotations, zone: tzinfo) -> RenderableType:
    """List the turns and facts that quote what is to be erased, and are kept; empty without any."""
    if not (found.turns or found.facts):
        return Group()
    turns = [episodes(found.turns, zone)] if found.turns else []
    facts = (Text(f"fact {printable(fact.key)}: {snippet(fact.value)}") for fact in found.facts)
    return Group("These repeat some of it, and stay:", *turns, *facts)


def episodes(found: Sequence[Episode], zone: tzinfo) -> Table:
    table = Table("", "when", "message", "reply", box=None, header_style="dim")
    for number, episode in enumerate(found, start=1):
        at = f"{episode.at.astimezone(zone):%Y-%m-%d %H:%M}"
        table.add_row(str(number), at, Text(snippet(episode.said)), Text(snippet(episode.reply), style="dim"))
    return table


def _searches(turn: Explanation) -> Text:
    lines = [
        f"{name}: {report.found} found in {report.milliseconds:.0f} ms ({report.status})"
        for name, report in turn.searches.items()
    ]
    if turn.expanded:
        lines.append(f"searched with earlier messages: {snippet(turn.expanded)}")
    if turn.time:
        lines.append(f"time in the message: {printable(turn.time)}")
    if turn.keys:
        lines.append(f"keys: {printable(', '.join(turn.keys))}")
    return Text("\n".join(lines), style="dim")


def _memories(rows: Sequence[ExplainedMemory], zone: tzinfo, width: int, signs: Signs) -> list[Text]:
    kept = [row for row in rows if row.decision.kept]
    cut = [row for row in rows if not row.decision.kept]
    shown, mark = kept + cut[:CUT_SHOWN], mark_of(rows, Words())
    bars = ["bars: how likely each matters", *([mark_text(mark, signs)] if mark else [])]
    lines = [Text("; ".join(bars), style="dim")]
    for row in shown:
        score = score_row(row, mark, lambda at: format_time(at, zone))
        bar = score_bar(score, mark, signs, bar_width(width) // 2)
        lines.append(_decision(row, f"{bar}  {score.date}", width))
    if left := len(rows) - len(shown):
        lines.append(Text(f"and {left} more cut", style="dim"))
    return lines


def _decision(row: ExplainedMemory, head: str, width: int) -> Text:
    decision, evidence = row.decision, row.decision.evidence
    similarity = "no vector" if evidence.cosine is None else f"similarity {evidence.cosine:.2f}"
    numbers = f"{similarity}, {evidence.coverage:.0%} of the words, relevant {decision.probability:.0%}"
    line = Text("kept  " if decision.kept else "cut   ", style="green" if decision.kept else "dim")
    words = Text(snippet(row.text))
    words.truncate(max(width - len(line) - len(head) - 2, LEAST_SNIPPET), overflow="ellipsis")
    line.append(f"{head}  {words.plain}", style="" if decision.kept else "dim")
    return line.append(f"\n      {numbers}; {explain_decision(decision)}", style="dim")


def _tools(turn: Explanation) -> list[Text]:
    lines = [
        Text(
            f"{printable(result.evidence)} ({'ok' if result.ok else 'failed'}, {result.milliseconds:.0f} ms)",
            style="dim",
        )
        for result in turn.results
    ]
    if figures := turn.grounding.unsupported:
        then = "the reply was corrected" if turn.grounding.corrected else "the reply was kept"
        lines.append(
            Text(f"figures without a source: {printable(', '.join(figures))}; {then}", style="yellow")
        )
    return lines


def _budget(shares: Shares, width: int, signs: Signs) -> Text:
    measured = f"confidence {shares.confidence:.1f}, complexity {shares.complexity:.2f}"
    words = Words(room=f"budget {{total}} tokens ({measured})")
    shown = room_text(room_of(shares, words), signs, width=min(width, MOST_BUDGET), words=words)
    return Text(shown, style="dim")
