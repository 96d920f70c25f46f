"""Progress of a slow cell."""

from IPython.display import DisplayHandle
from ipywidgets import HBox, IntProgress, Label, Layout

_STEPS = 200


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
