"""The part of a streamed reply that people may see: all but tool calls."""

from memory.markup.reading import Reading
from memory.markup.scan import scan
from memory.markup.values import Tools


class VisibleText:
    """Filter a stream: give what is certainly text, hold back what may be markup, drop what is."""

    def __init__(self, tools: Tools) -> None:
        self._reading = Reading(tools)
        self._steps = scan(self._reading)
        next(self._steps, None)

    def feed(self, piece: str) -> str:
        """Take the next piece of the reply and return what may be shown now."""
        self._reading.tape.feed(piece)
        next(self._steps, None)
        return self._reading.drained()

    def end(self) -> str:
        """Return what was held back and is text after all; the reply ends here."""
        self._reading.tape.ended = True
        next(self._steps, None)
        return self._reading.drained()
