"""A table in a notebook, which shows all values as plain text."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST = 160
"""Maximum characters of a cell."""
_TEXT = "mathjax_ignore tex2jax_ignore"
"""Classes that keep MathJax 3 and 2 from reading text as formulas, which can hold links."""


@dataclass(frozen=True, slots=True, repr=False)
class Table:
    """Rows under column names; numbers are right-aligned."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]

    def _repr_html_(self) -> str:
        """Render it for Jupyter, in the theme's colours."""
        head = "".join(f"<th style='text-align:left'>{html.escape(name)}</th>" for name in self.columns)
        body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in self.rows)
        return f"<table class='{_TEXT}'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def __repr__(self) -> str:
        """Render it as text."""
        rows = [list(self.columns), *([cell_text(value) for value in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def cell_text(value: object) -> str:
    """Return a value as one shortened line; "" for None."""
    if value is None:
        return ""
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _cell(value: object) -> str:
    align = "right" if isinstance(value, int | float) else "left"
    return f"<td style='text-align:{align};vertical-align:top'>{html.escape(cell_text(value))}</td>"
