"""Contestants: the production path under other thresholds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.lab.bench.outcome import found_turns
from graph.settings.context import Thresholds, TurnContext
from graph.state.turn_state import State
from memory.recall.ranking import by_blend

FIXED: Mapping[str, object] = {"prefetch_results": 20, "prefetch_timeout": 30, "cache_ttl": 0}
"""Generous, since timeouts of a busy machine say nothing about how well a contestant finds."""
DENSE: Mapping[str, object] = {"fusion_lexical": 0, "fusion_neighbours": 0}
LEXICAL: Mapping[str, object] = {"fusion_dense": 0, "fusion_neighbours": 0}
FUSED: Mapping[str, object] = {"fusion_neighbours": 0}
BLEND: Mapping[str, object] = {"rank_rule": "blend"}
ORIGINAL: Mapping[str, object] = {**BLEND, "gap_rule": "ratio", **DENSE}


def blend_ranking(state: State) -> list[str]:
    """Return the turn ids as GOAT's first version ranked them: by similarity, recency and access."""
    given, now = Thresholds(), state["turn"].at
    window, reference = given.rank_recency_window, given.rank_access_reference
    ranked = by_blend(state["recall"].candidates, now=now, window_days=window, reference=reference)
    return [candidate.turn_id for candidate in ranked]


@dataclass(frozen=True, slots=True)
class Contestant:
    """A way to recall."""

    name: str
    thresholds: Mapping[str, object] = field(default_factory=dict)
    ranked: Callable[[State], Sequence[str]] = found_turns
    """Returns the ranking from a recall's state; a blend orders only kept memories."""
    what: str = ""
    """Its description."""
    decides: bool = True
    """Whether it also runs irrelevant queries; not needed where only the ranking differs."""

    @property
    def known(self) -> dict[str, object]:
        """Its thresholds that exist in this version."""
        return {key: value for key, value in self.thresholds.items() if key in Thresholds.model_fields}

    @property
    def possible(self) -> bool:
        """Whether any of its thresholds exists, or it has none."""
        return bool(self.known) or not self.thresholds

    def context(self, given: TurnContext) -> TurnContext:
        """Return the context that it runs with."""
        return TurnContext.model_validate({**given.model_dump(), **FIXED, **self.known})


OURS = "ours"
CONTESTANTS = (
    Contestant("dense", DENSE, what="vectors alone"),
    Contestant("lexical", LEXICAL, what="words alone (BM25, stemmed)"),
    Contestant("original", ORIGINAL, ranked=blend_ranking, what="GOAT's first version"),
    Contestant("fused", FUSED, what="vectors and words", decides=False),
    Contestant(
        "blend", BLEND, ranked=blend_ranking, what="the default, with recency and access", decides=False
    ),
    Contestant(OURS, what="the default: vectors, words, neighbours"),
)


SHARES = (0.0, 0.1, 0.25, 0.5, 1.0)


def neighbour_contestants(*shares: float) -> list[Contestant]:
    """Return the default with other shares lent by neighbours."""
    return [Contestant(f"{share:g}", {"fusion_neighbours": share}, decides=False) for share in shares]
