"""Use of the model and figures of the last days as text for any front end, and as terminal tables."""

from collections.abc import Mapping, Sequence
from datetime import date

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.printable import Say, printable
from memory.models import Outcome
from memory.observation.figures import TURN, Figures, Metrics
from memory.working.redis_usage import DayBudget, Usage

STEPS = "▁▂▃▄▅▆▇█"
_BLOCKS = "▏▎▍▌▋▊▉█"


def used_text(used: Usage, budget: DayBudget, say: Say) -> str:
    """Return what was used of each limit."""
    parts = []
    if budget.requests:
        parts.append(say("budget_requests", used=used.requests, most=budget.requests))
    if budget.tokens:
        parts.append(say("budget_tokens", used=f"{used.tokens:,}", most=f"{budget.tokens:,}"))
    return ", ".join(parts)


def days_text(days: Sequence[tuple[date, Usage]], budget: DayBudget, say: Say) -> str:
    """Return the use of each day, and today's share of the budget; empty without use."""
    lines = [
        say("budget_day", day=day.isoformat(), requests=used.requests, tokens=f"{used.tokens:,}")
        for day, used in days
        if used != Usage()
    ]
    if not lines:
        return ""
    today = used_text(days[-1][1], budget, say)
    return "\n".join([say("budget_title"), *lines, *([say("budget_today", used=today)] if today else [])])


def stats_text(metrics: Metrics, say: Say) -> str:
    """Render the figures in the language of `say`; empty without turns."""
    whole = metrics.whole
    if not whole.turns:
        return ""
    turn = whole.stages.get(TURN)
    return say(
        "stats_turns",
        days=len(metrics.days),
        turns=whole.turns,
        unfinished=unfinished(whole),
        injected=f"{whole.injection_rate:.0%}",
        cached=f"{whole.cache_hit_rate:.0%}",
        p50=seconds(turn.p50 if turn else 0.0),
        p95=seconds(turn.p95 if turn else 0.0),
        calls=whole.tool_calls,
        failed=whole.tool_failures,
        corrected=whole.corrected,
        picture=sparkline([figures.turns for figures in metrics.days.values()]),
    )


def unfinished(figures: Figures) -> int:
    """Count the turns whose reply was interrupted or failed."""
    return sum(figures.outcomes.get(outcome.value, 0) for outcome in (Outcome.INTERRUPTED, Outcome.FAILED))


def seconds(milliseconds: float) -> str:
    """Format a duration in seconds, with sensible decimals."""
    value = milliseconds / 1000
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 100 else f"{value:.0f}"  # noqa: PLR2004


def sparkline(values: Sequence[float]) -> str:
    """Draw one bar per value, scaled to the highest; positive values get at least the second step."""
    most = max(values, default=0)
    if most <= 0:
        return STEPS[0] * len(values)
    return "".join(STEPS[max(round(value / most * (len(STEPS) - 1)), int(value > 0))] for value in values)


def bar(value: float, most: float, width: int) -> str:
    """Draw a bar of up to `width` characters, in eighths."""
    eighths = round(value / most * width * len(_BLOCKS)) if most > 0 else 0
    whole, rest = divmod(max(eighths, int(value > 0)), len(_BLOCKS))
    return _BLOCKS[-1] * whole + (_BLOCKS[rest - 1] if rest else "")


_WIDTH = 20
_DATE = len("2026-01-31")


def usage_tables(metrics: Metrics, owner: str) -> RenderableType:
    whose = f"of {printable(owner)}" if owner else "of all owners"
    if not metrics.whole.turns:
        return Text(f"No turn {whose} in the last {len(metrics.days)} days.")
    title = Text(f"{metrics.whole.turns} turns {whose}, {len(metrics.days)} days ", style="bold")
    title.append(sparkline([figures.turns for figures in metrics.days.values()]), style="cyan")
    return Group(title, Text(), _days(metrics), Text(), _stages(metrics.whole), Text(), _rest(metrics.whole))


def _days(metrics: Metrics) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("day", no_wrap=True, min_width=_DATE)
    table.add_column("turns", justify="right")
    table.add_column("")
    for name in ("p50 s", "p95 s", "memory shown", "cached", "tools", "unfinished"):
        table.add_column(name, justify="right")
    most = max(figures.turns for figures in metrics.days.values())
    for day, figures in metrics.days.items():
        if not figures.turns:
            continue
        turn = figures.stages.get(TURN)
        table.add_row(
            day.isoformat(),
            str(figures.turns),
            Text(bar(figures.turns, most, _WIDTH), style="cyan"),
            seconds(turn.p50) if turn else "",
            seconds(turn.p95) if turn else "",
            f"{figures.injection_rate:.0%}",
            f"{figures.cache_hit_rate:.0%}",
            str(figures.tool_calls),
            str(unfinished(figures)),
        )
    return table


def _stages(whole: Figures) -> Table:
    table = Table("stage", box=None, pad_edge=False)
    for name in ("runs", "p50 ms", "p95 ms", "most ms"):
        table.add_column(name, justify="right")
    table.add_column("p95")
    most = max((latency.p95 for latency in whole.stages.values()), default=0.0)
    for name, latency in sorted(whole.stages.items(), key=lambda item: -item[1].p95):
        numbers = (f"{value:,.1f}" for value in (latency.p50, latency.p95, latency.most))
        table.add_row(name, str(latency.count), *numbers, Text(bar(latency.p95, most, _WIDTH), style="cyan"))
    return table


def _rest(whole: Figures) -> Text:
    turns = whole.turns
    lines = [
        f"outcomes: {_format_counts(whole.outcomes)}",
        f"searches: {_format_counts(whole.searches)}",
        f"memories a turn: {whole.candidates / turns:.1f} found, {whole.relevant / turns:.1f} relevant, "
        f"{whole.used / turns:.1f} shown",
        f"tokens a turn: identity and facts {whole.tokens_fixed / turns:.0f}, "
        f"conversation {whole.tokens_conversation / turns:.0f}, memory {whole.tokens_memory / turns:.0f}",
        f"tools: {whole.tool_calls} calls, {whole.tool_failures} failed; "
        f"figures without a source in {whole.unsupported} replies, {whole.corrected} corrected",
        f"tiers down: {_format_counts(whole.tiers_down)}",
    ]
    return Text("\n".join(lines), style="dim")


def _format_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"
