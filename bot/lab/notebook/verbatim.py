"""What people wrote, in a notebook: shown as text, never as HTML or mathematics."""

import html

from ipywidgets import HTML, Layout

from bot.printable import printable

_TEXT = "white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:plaintext;line-height:1.4"
_FRAME = "border:1px solid var(--jp-border-color1,gray);padding:4px 8px;overflow-y:auto;resize:vertical"


class Verbatim(HTML):  # type: ignore[misc]  # ipywidgets has no types
    """A text with its lines, in the colours of the theme; each line runs as its letters do.

    Args:
        name: stands before it.
        lines: how high its frame is; longer texts scroll, by keyboard as well. 0 is no frame.
    """

    def __init__(self, name: str = "", lines: int = 0) -> None:
        height = f"{_FRAME};height:{lines * 1.4 + 0.6:.1f}em" if lines else "min-height:1.4em"
        # Jupyter's one-letter commands, such as to cut a cell, are not for whoever scrolls.
        keys = f'tabindex="0" aria-label="{html.escape(name)}" data-lm-suppress-shortcuts="true"'
        self._open = f'<div dir="auto" {keys if lines else ""} style="{_TEXT};{height}">'
        super().__init__(description=name, layout=Layout(width="auto"))
        self.text = ""

    @property
    def text(self) -> str:
        """What is shown, without control characters."""
        return self._text

    @text.setter
    def text(self, text: str) -> None:
        self._text = printable(text)
        self.value = f"{self._open}{html.escape(self._text)}</div>"
