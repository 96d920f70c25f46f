"""Parts of a notebook: tables, the progress of a slow cell, and text that is never rendered."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from IPython.display import DisplayHandle
from ipywidgets import HTML, HBox, IntProgress, Label, Layout

from bot.printable import printable

LONGEST = 160
"""Maximum characters of a cell."""
_PLAIN = "mathjax_ignore tex2jax_ignore"
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
        return f"<table class='{_PLAIN}'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def __repr__(self) -> str:
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


_STEPS = 200

_TEXT = "white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:plaintext;line-height:1.4"
_FRAME = "border:1px solid var(--jp-border-color1,gray);padding:4px 8px;overflow-y:auto;resize:vertical"


class ProgressWidget:
    """A progress bar of items, such as "turns read", that becomes a line of text; call it after each item."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._done = what, total, 0
        self.bar = IntProgress(max=max(total, 1), layout=Layout(flex="1 1 auto", width="auto"))
        self.counted = Label(layout=Layout(flex="0 0 auto"))
        self._box = HBox([self.bar, self.counted])
        self._place = DisplayHandle()  # type: ignore[no-untyped-call]
        if total > 0:
            self._show()
            self._place.display(self._box)  # type: ignore[no-untyped-call]

    def __str__(self) -> str:
        return f"{self._done} of {self._total} {self._what}"

    def __call__(self) -> None:
        """Count one more."""
        self._done += 1
        if self._done % max(self._total // _STEPS, 1) == 0:
            self._show()
        if self._done == self._total:
            # A reopened notebook cannot show the bar.
            self._place.update({"text/plain": str(self)}, raw=True)  # type: ignore[no-untyped-call]
            self._box.close()

    def _show(self) -> None:
        self.bar.value, self.counted.value = self._done, str(self)


class Verbatim(HTML):  # type: ignore[misc]  # ipywidgets has no types
    """A text with its line breaks, in the theme's colours; each line has the direction of its letters.

    With `lines` it has a frame of this height, in which longer texts scroll, also by keyboard.
    """

    def __init__(self, name: str = "", lines: int = 0) -> None:
        height = f"{_FRAME};height:{lines * 1.4 + 0.6:.1f}em" if lines else "min-height:1.4em"
        # Disables Jupyter's one-letter commands, such as cutting a cell, while this has the focus.
        keys = f'tabindex="0" aria-label="{html.escape(name)}" data-lm-suppress-shortcuts="true"'
        self._open = f'<div dir="auto" {keys if lines else ""} style="{_TEXT};{height}">'
        super().__init__(description=name, layout=Layout(width="auto"))
        self.text = ""

    @property
    def text(self) -> str:
        """The text, without control characters."""
        return self._text

    @text.setter
    def text(self, text: str) -> None:
        self._text = printable(text)
        self.value = f"{self._open}{html.escape(self._text)}</div>"
