"""Use of the model and figures of the last days as text, for any front end."""

from collections.abc import Callable, Sequence
from datetime import date

from memory.models import Outcome
from memory.observation.figures import TURN, Figures, Metrics
from memory.working.redis_usage import DayBudget, Usage

Say = Callable[..., str]
"""Renders a text in one language from a key and named values."""

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
    """Return the use of each day, and today's of the budget; empty without any."""
    lines = [
        say("budget_day", day=day.isoformat(), requests=used.requests, tokens=f"{used.tokens:,}")
        for day, used in days
        if used != Usage()
    ]
    if not lines:
        return ""
    today = used_text(days[-1][1], budget, say)
    return "\n".join([say("budget_title"), *lines, *([say("budget_today", used=today)] if today else [])])


def stats_text(metrics: Metrics, say: Callable[..., str]) -> str:
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
