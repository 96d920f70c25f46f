"""A table in a notebook, whatever stands in its cells: text is shown as text."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST = 160
"""Characters of a cell."""
_TEXT = "mathjax_ignore tex2jax_ignore"
"""What tells MathJax 3 and 2 that dollars and backslashes are no formula; one can hold a link to anywhere."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under the names of their columns; numbers stand to the right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]

    def _repr_html_(self) -> str:
        """Draw it in Jupyter, in the colours of its theme."""
        head = "".join(f"<th style='text-align:left'>{html.escape(name)}</th>" for name in self.columns)
        body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in self.rows)
        return f"<table class='{_TEXT}'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def __str__(self) -> str:
        """Return it as text, columns side by side."""
        rows = [list(self.columns), *([shown(value) for value in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def shown(value: object) -> str:
    """Return a value as a cell shows it: on one line, not too long; nothing for None."""
    if value is None:
        return ""
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _cell(value: object) -> str:
    align = "right" if isinstance(value, int | float) else "left"
    return f"<td style='text-align:{align};vertical-align:top'>{html.escape(shown(value))}</td>"
