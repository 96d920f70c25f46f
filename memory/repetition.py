"""Whether a text repeats what another says, word for word."""

import re
from collections.abc import Iterable

RUN = 5
"""Words in a row that two texts share when one repeats the other. A guess: an order is hardly shorter."""
_WORD = re.compile(r"\w+")


def repeats(text: str, sources: Iterable[str]) -> bool:
    """Tell whether a run of words of any source stands in `text`, in whatever case and marks between."""
    said = set(_runs(text))
    return any(not said.isdisjoint(_runs(source)) for source in sources)


def _runs(text: str) -> Iterable[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    return zip(*(words[start:] for start in range(RUN)), strict=False)
