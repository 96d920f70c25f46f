"""The figures of several trials in one table."""

from collections.abc import Sequence

from rich.table import Table

from tests.telegram_soak.figures import Figures


def table(found: Sequence[Figures]) -> Table:
    """Return a column for each trial."""
    drawn = Table("", title="Messages of Telegram over kills and faults")
    for figures in found:
        drawn.add_column(figures.name, justify="right")
    for names in zip(*map(_cells, found), strict=True):
        drawn.add_row(names[0][0], *(str(value) for _, value in names))
    return drawn


def _cells(figures: Figures) -> list[tuple[str, int]]:
    return [
        ("messages", figures.messages),
        ("edits", figures.edits),
        ("kills", figures.kills),
        ("of them servers", figures.server_kills),
        ("freezes", figures.freezes),
        ("outages", figures.outages),
        ("forgotten", figures.forgets),
        ("lost", len(figures.lost)),
        ("not forgotten", len(figures.unforgotten)),
        ("doubled", len(figures.doubled)),
        ("out of order", len(figures.disordered)),
        ("crossed", len(figures.crossed)),
        ("wrong otherwise", len(figures.other)),
        ("left behind", len(figures.left)),
        ("seconds to rest", round(figures.tail)),
    ]
