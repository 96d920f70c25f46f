"""Widgets of a notebook: the progress of a slow cell, and text that is never rendered."""

import html

from IPython.display import DisplayHandle
from ipywidgets import HTML, HBox, IntProgress, Label, Layout

from bot.printable import printable

_STEPS = 200

_TEXT = "white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:plaintext;line-height:1.4"
_FRAME = "border:1px solid var(--jp-border-color1,gray);padding:4px 8px;overflow-y:auto;resize:vertical"


class Progress:
    """A progress bar that becomes a line of text when done; call it after each item.

    Args:
        what: name of the items, such as "turns read".
        total: number of items; with 0, nothing is shown.
    """

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
        """Describe it in one line."""
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

    Args:
        name: label in front of it.
        lines: height of its frame, 0 for none; longer texts scroll, also by keyboard.
    """

    def __init__(self, name: str = "", lines: int = 0) -> None:
        height = f"{_FRAME};height:{lines * 1.4 + 0.6:.1f}em" if lines else "min-height:1.4em"
        # Keeps Jupyter's one-letter commands, such as cutting a cell, off while somebody scrolls here.
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
