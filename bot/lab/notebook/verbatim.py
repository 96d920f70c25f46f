"""Text widget for a notebook, which never renders HTML or mathematics."""

import html

from ipywidgets import HTML, Layout

from bot.printable import printable

_TEXT = "white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:plaintext;line-height:1.4"
_FRAME = "border:1px solid var(--jp-border-color1,gray);padding:4px 8px;overflow-y:auto;resize:vertical"


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
