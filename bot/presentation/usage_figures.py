"""Figures of the last days as text and sparklines, for any front end."""

from collections.abc import Callable, Sequence

from memory.models import Outcome
from memory.observation.figures import TURN, Figures, Metrics

STEPS = "▁▂▃▄▅▆▇█"
_BLOCKS = "▏▎▍▌▋▊▉█"


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
