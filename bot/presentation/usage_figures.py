"""The figures of the last days, in words and small pictures, for any front end."""

from collections.abc import Callable, Sequence

from memory.models import Outcome
from memory.observation.figures import TURN, Figures, Metrics

STEPS = "▁▂▃▄▅▆▇█"
_BLOCKS = "▏▎▍▌▋▊▉█"


def stats_text(metrics: Metrics, say: Callable[..., str]) -> str:
    """Tell the figures in the language of `say`; empty when there was no turn."""
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
    """Return the turns whose reply broke off or never came."""
    return sum(figures.outcomes.get(outcome.value, 0) for outcome in (Outcome.INTERRUPTED, Outcome.FAILED))


def seconds(milliseconds: float) -> str:
    """Return a duration in seconds, with as many decimals as mean something."""
    value = milliseconds / 1000
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 100 else f"{value:.0f}"  # noqa: PLR2004


def sparkline(values: Sequence[float]) -> str:
    """Draw one bar a value, the highest in full; a bar of its own for what is not nothing."""
    most = max(values, default=0)
    if most <= 0:
        return STEPS[0] * len(values)
    return "".join(STEPS[max(round(value / most * (len(STEPS) - 1)), int(value > 0))] for value in values)


def bar(value: float, most: float, width: int) -> str:
    """Draw a bar of up to `width` characters, to an eighth of one."""
    eighths = round(value / most * width * len(_BLOCKS)) if most > 0 else 0
    whole, rest = divmod(max(eighths, int(value > 0)), len(_BLOCKS))
    return _BLOCKS[-1] * whole + (_BLOCKS[rest - 1] if rest else "")
