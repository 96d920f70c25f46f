"""Contestants of the recall benchmark: the production path under other thresholds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.lab.bench.bench_run import UNHURRIED
from bot.lab.bench.outcome import found_turns
from graph.settings.context import Thresholds, TurnContext
from graph.state.turn_state import State
from memory.recall.ranking import by_blend

DENSE = {"fusion_lexical": 0, "fusion_neighbours": 0}
LEXICAL = {"fusion_dense": 0, "fusion_neighbours": 0}
FUSED = {"fusion_neighbours": 0}
BLEND = {"rank_rule": "blend"}
ORIGINAL = {**BLEND, "gap_rule": "ratio", **DENSE}


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
    def context(self) -> TurnContext:
        """The context that it runs with."""
        return TurnContext.model_validate({"prefetch_results": 20, **UNHURRIED, **self.thresholds})


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
