"""Ways to recall, side by side over one archive: each is the production path under other thresholds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.bench.outcome import found
from graph.context import Thresholds, TurnContext
from graph.state import State
from memory.ranking import by_blend

FIXED: Mapping[str, object] = {"prefetch_results": 20, "cache_ttl": 0}
DENSE: Mapping[str, object] = {"fusion_lexical": 0, "fusion_neighbours": 0}
LEXICAL: Mapping[str, object] = {"fusion_dense": 0, "fusion_neighbours": 0}
ORIGINAL: Mapping[str, object] = {"rank_rule": "blend", "gap_rule": "ratio", **DENSE}


def blended(state: State) -> list[str]:
    """Return the turn ids by similarity, recency and access added up, as GOAT's first version ranked them."""
    given, now = Thresholds(), state["turn"].at
    window, reference = given.rank_recency_window, given.rank_access_reference
    ranked = by_blend(state["recall"].candidates, now=now, window_days=window, reference=reference)
    return [candidate.turn_id for candidate in ranked]


@dataclass(frozen=True, slots=True)
class Contestant:
    """A way to recall."""

    name: str
    thresholds: Mapping[str, object] = field(default_factory=dict)
    ranked: Callable[[State], Sequence[str]] = found
    """Reads the ranking off a recall's state; a blend orders only what is kept."""

    @property
    def known(self) -> dict[str, object]:
        """The thresholds that there are."""
        return {key: value for key, value in self.thresholds.items() if key in Thresholds.model_fields}

    @property
    def possible(self) -> bool:
        """Whether it would be anything else than the defaults."""
        return bool(self.known) or not self.thresholds

    def context(self, given: TurnContext) -> TurnContext:
        """Return the context to run it with."""
        return TurnContext.model_validate({**given.model_dump(), **FIXED, **self.known})


CONTESTANTS = (
    Contestant("dense", DENSE),
    Contestant("lexical", LEXICAL),
    Contestant("original", ORIGINAL, ranked=blended),
    Contestant("ours"),
)
