"""How far a long cell has come."""

from IPython.display import DisplayHandle
from ipywidgets import HBox, IntProgress, Label, Layout

_STEPS = 200


class Progress:
    """A bar under the cell, a line of text when all is done; call it when one more is.

    Args:
        what: is counted, such as "turns read".
        total: how many there are; without any, nothing is shown.
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
        """Summarize the result in one line."""
        return f"{self._done} of {self._total} {self._what}"

    def __call__(self) -> None:
        """Count one more."""
        self._done += 1
        if self._done % max(self._total // _STEPS, 1) == 0:
            self._show()
        if self._done == self._total:
            # A notebook that is opened again could not show the bar.
            self._place.update({"text/plain": str(self)}, raw=True)  # type: ignore[no-untyped-call]
            self._box.close()

    def _show(self) -> None:
        self.bar.value, self.counted.value = self._done, str(self)
