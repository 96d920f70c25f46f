"""Figures of the last days as terminal tables."""

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.presentation.usage_figures import bar, seconds, sparkline, unfinished
from bot.printable import printable
from memory.observation.figures import TURN, Figures, Metrics

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
