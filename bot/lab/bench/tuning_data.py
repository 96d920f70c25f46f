"""Labelled messages with their candidates, on which any rule, threshold or calibration can decide."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.lab.bench.bench_run import UNHURRIED, IngestedArchive, ask, ingest
from bot.lab.bench.data_sets import LabelledSet
from bot.lab.bench.handmade import OTHERS, read_phrases, with_irrelevant
from bot.lab.bench.neutral import BenchQuery, LabelledBench, draw_archive, seeded_random
from graph.layers import Layers
from graph.settings.context import TurnContext
from graph.state.turn_state import State
from memory.models import Decision, DecisionRule
from memory.recall.gap_rules import GapRule
from memory.recall.relevance import Calibration
from memory.tuning.curves import GRID, LabelledTurn, OperatingPoint, TurnCounts, measure, scored
from memory.tuning.held_out import HeldOut
from memory.tuning.resampling import Estimate, resampling
from nodes.gap_filter import filter_candidates

PER_KIND = 8
"""Maximum number of irrelevant messages of a kind for each archive."""
LANGUAGES = ("en", "ro", "other")
CONTEXT = TurnContext.model_validate({"prefetch_results": 20, **UNHURRIED})


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedTurn:
    """A labelled message and its recall."""

    set: str
    conversation: str
    """Unit of resampling, since messages to one archive are not independent."""
    size: int
    """Turns in the archive."""
    language: str
    query: BenchQuery
    gold: frozenset[str]
    """Turn ids of the memories that answer it."""
    state: State = field(repr=False)
    calibration: Calibration | None = field(default=None, repr=False)
    """Fitted without this conversation; None for the packaged one, if that was too."""

    @property
    def relevant(self) -> bool:
        """True if the archive answers it."""
        return not self.query.irrelevant

    def decisions(self, context: TurnContext) -> list[Decision]:
        """Decide with these thresholds."""
        return filter_candidates(self.state, context, self.calibration)

    def shown(self, context: TurnContext) -> list[str]:
        """Return the turn ids that would be shown, best first."""
        return [decision.turn_id for decision in self.decisions(context) if decision.kept]


async def ask_sets(
    layers: Layers,
    sets: Sequence[LabelledSet],
    *,
    sizes: Sequence[int] = (),
    per_kind: int = PER_KIND,
) -> list[AskedTurn]:
    """Recall for the questions of every set, and for at most `per_kind` irrelevant messages of a kind.

    `sizes` are numbers of turns: a smaller archive of each is drawn from each archive and asked as well.
    """
    phrases, asked = read_phrases(), list[AskedTurn]()
    for one in sets:
        for archive in with_irrelevant(one.labelled, phrases, per_kind=per_kind).archives:
            chance = seeded_random(archive.id)
            smaller = [size for size in sizes if size < len(archive.docs)]
            for part in (*(draw_archive(archive, size, chance) for size in smaller), archive):
                owner = f"asked {one.name} {archive.id} {len(part.docs)}"
                asked += await _asked(layers, await ingest(layers, part, owner), one)
    return asked


async def _asked(layers: Layers, ingested: IngestedArchive, one: LabelledSet) -> list[AskedTurn]:
    return [
        AskedTurn(
            set=one.name,
            conversation=f"{one.name} {ingested.archive.id}",
            size=len(ingested.archive.docs),
            language=_language(query, ingested.archive.id, one.labelled),
            query=query,
            gold=ingested.gold(query),
            state=recalled.state,
            calibration=one.apart,
        )
        async for query, recalled in ask(layers, ingested, CONTEXT)
    ]


def _language(query: BenchQuery, home: str, labelled: LabelledBench) -> str:
    """Return a message's language: the one in its kind for phrases, the author's for questions."""
    kind, comma, language = (query.kind or "").rpartition(", ")
    if comma and language in LANGUAGES:
        return language
    asks = query.id.partition("/")[0] if OTHERS in (kind, query.kind) else home
    return labelled.languages.get(asks, "en")


CALIBRATED, NULL, RATIO = "calibrated", "null turns", "ratio"
DEFAULTS: Mapping[str, TurnContext] = {
    CALIBRATED: TurnContext(),
    NULL: TurnContext(gap_rule=GapRule.NULL),
    RATIO: TurnContext(gap_rule=GapRule.RATIO),
}
"""The gap filter's rules by name, each with its default threshold."""
STANDARD: Mapping[str, float] = {
    CALIBRATED: TurnContext().gap_threshold,
    NULL: TurnContext().gap_null_share,
    RATIO: TurnContext().gap_significance,
}
"""Default thresholds of the rules."""
GRIDS: Mapping[str, Sequence[float]] = {
    CALIBRATED: GRID,
    NULL: (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0),
    RATIO: (1, 2, 2.5, 3, 3.5, 4, 5, 6, 8, 10),
}
"""Thresholds to try."""
RULES: Mapping[str, TurnContext] = {
    **DEFAULTS,
    RATIO: TurnContext(gap_rule=GapRule.RATIO, gap_significance=1),
}
"""The rules, with the ratio's lowest threshold, so that every higher one can be tried."""


def labelled_turns(turns: Sequence[AskedTurn], context: TurnContext) -> list[LabelledTurn]:
    """Return each message with a rule's scores, before its threshold."""
    return [
        LabelledTurn(
            group=turn.conversation,
            found=[
                (score, turn_id in turn.gold) for turn_id, score in _scores(turn.decisions(context), context)
            ],
            relevant=len(turn.gold),
        )
        for turn in turns
    ]


def held_out(turns: Sequence[AskedTurn], before: TurnContext, after: TurnContext) -> list[HeldOut]:
    """Score each message with the settings before and after."""
    return scored(_counts(turns, before), _counts(turns, after))


def whole_archives(turns: Sequence[AskedTurn]) -> list[AskedTurn]:
    """Return the messages to whole archives, without those to archives drawn from them."""
    largest = dict[str, int]()
    for turn in turns:
        largest[turn.conversation] = max(turn.size, largest.get(turn.conversation, 0))
    return [turn for turn in turns if turn.size == largest[turn.conversation]]


def points_table(points: Sequence[OperatingPoint]) -> str:
    """Return operating points as a Markdown table."""
    head = ("threshold", "recall of memories", "messages answered", "false in 100 (95 %)", "utility")
    rows = [head, ["---"] * len(head), *map(_row, points)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(point: OperatingPoint) -> list[str]:
    false = point.false_injections
    shares = [f"{found.value:.2f}" if found else "" for found in (point.recall, point.answered)]
    told = f"{false.value:.1f}" if false else ""
    if false and false.bounded:
        told += f" ({false.low:.1f} to {false.high:.1f})"
    return [f"{point.threshold:.2f}", *shares, told, f"{point.utility.value:+.3f}"]


def figures(turns: Sequence[AskedTurn], context: TurnContext) -> dict[str, float]:
    """Return the figures of the settings for a tuning result, without those that could not be measured."""
    if not turns:
        return {}
    point = measure(_counts(turns, context))
    found = {
        "recall of memories": point.recall,
        "messages answered": point.answered,
        "false injections in 100": point.false_injections,
    }
    return {name: round(estimate.value, 4) for name, estimate in found.items() if estimate is not None}


def _counts(turns: Sequence[AskedTurn], context: TurnContext) -> list[TurnCounts]:
    return [TurnCounts.of(turn.conversation, turn.shown(context), turn.gold) for turn in turns]


def halves(turns: Sequence[AskedTurn]) -> tuple[list[AskedTurn], list[AskedTurn]]:
    """Split messages by conversation, half of each set's to choose settings on and half to test on."""
    chosen = set[str]()
    for name in dict.fromkeys(turn.set for turn in turns):
        conversations = list(dict.fromkeys(turn.conversation for turn in turns if turn.set == name))
        chosen |= set(seeded_random(f"halves {name}").sample(conversations, len(conversations) // 2))
    return (
        [turn for turn in turns if turn.conversation in chosen],
        [turn for turn in turns if turn.conversation not in chosen],
    )


def estimates(
    turns: Sequence[AskedTurn], context: TurnContext, by: Callable[[AskedTurn], str | None]
) -> dict[str, tuple[Estimate | None, Estimate | None]]:
    """Return, by group, the shares of relevant and of irrelevant messages with something shown.

    `by` names the group of a message, or None to leave it out.
    """
    shown = [(by(turn), turn, float(bool(turn.shown(context)))) for turn in turns]

    def share(name: str, *, relevant: bool) -> Estimate | None:
        found = [(turn, shows) for group, turn, shows in shown if (group, turn.relevant) == (name, relevant)]
        again = resampling([turn.conversation for turn, _ in found]) if found else None
        return again.estimate([shows for _, shows in found]) if again else None

    names = sorted({name for name, *_ in shown if name is not None})
    return {name: (share(name, relevant=True), share(name, relevant=False)) for name in names}


def _scores(decisions: Sequence[Decision], context: TurnContext) -> list[tuple[str, float]]:
    """Return the value that the rule compares with its threshold, for each memory that it might keep."""
    if context.gap_rule is not GapRule.RATIO:
        return [(decision.turn_id, decision.probability) for decision in decisions]
    few = float("inf")  # too few candidates for a ratio: kept by distance, at any threshold
    return [
        (decision.turn_id, decision.score if decision.rule == DecisionRule.RATIO else few)
        for decision in decisions
        if decision.kept
    ]
