"""A proposed change of thresholds as a table: its figures before and after, and its gain."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.printable import printable
from graph.tuning.attempts import percent
from graph.tuning.write_back import Proposal
from memory.tuning.held_out import Gain


def proposal_table(proposal: Proposal) -> RenderableType:
    """Render a proposal's changes, its figures before and after, and its gain on held-out turns."""
    table = Table("", "before", "after", box=None, header_style="dim")
    for change in proposal.changes:
        table.add_row(*(Text(printable(str(part))) for part in change))
    figures = proposal.result.figures
    for name in dict.fromkeys([*figures.before, *figures.after]):
        values = (_number(figures.before.get(name)), _number(figures.after.get(name)))
        table.add_row(Text(printable(name), style="dim"), *values)
    return Group(table, *([_gain(proposal.gain, proposal.number)] if proposal.gain else []))


def _gain(gain: Gain, number: int) -> str:
    tried = f" It is attempt {number} on these turns." if number > 1 else ""
    return (
        f"Held out: {gain.turns} turns of {gain.groups} days or conversations, {gain.changed} of them "
        f"different from before. A turn gains {gain.mean:+.4f} on average, and with "
        f"{percent(gain.confidence)} confidence at least {gain.at_least:+.4f}.{tried}"
    )


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.4g}"
