"""Use of the model and its budget as text, for any front end."""

from collections.abc import Callable, Sequence
from datetime import date

from memory.working.redis_usage import DayBudget, Usage

Say = Callable[..., str]
"""Renders a text in one language from a key and named values."""


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
