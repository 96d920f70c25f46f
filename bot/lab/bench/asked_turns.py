"""Labelled messages with their candidates, on which any rule, threshold or calibration can decide."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bot.lab.bench.bench_run import UNHURRIED, IngestedArchive, ask, ingest
from bot.lab.bench.neutral import Archive, Query
from bot.lab.bench.sets.data_sets import LabelledSet
from bot.lab.bench.sets.irrelevant import OTHERS, read_phrases, with_irrelevant
from bot.lab.bench.sets.labelled_set import LabelledBench, draw_archive, seeded_random
from graph.layers import Layers
from graph.settings.context import TurnContext
from graph.state.turn_state import State
from memory.models import Decision
from memory.recall.relevance import Calibration
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
    query: Query
    gold: frozenset[str]
    """Turn ids of the memories that answer it."""
    state: State = field(repr=False)
    calibration: Calibration | None = field(default=None, repr=False)
    """Fitted without this conversation; None for the packaged one, if that was too."""

    @property
    def relevant(self) -> bool:
        """Whether the archive answers it."""
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
    """Recall for the questions of every set, and for irrelevant messages.

    Args:
        layers: the layers to recall with.
        sets: the labelled sets.
        sizes: numbers of turns; a smaller archive of each size is drawn from each archive and asked as well.
        per_kind: maximum number of irrelevant messages of a kind for each archive.
    """
    phrases, asked = read_phrases(), list[AskedTurn]()
    for one in sets:
        for archive in with_irrelevant(one.labelled, phrases, per_kind=per_kind).archives:
            for part in _sized(archive, sizes):
                owner = f"asked {one.name} {archive.id} {len(part.docs)}"
                asked += await _asked(layers, await ingest(layers, part, owner), one)
    return asked


def _sized(archive: Archive, sizes: Sequence[int]) -> Iterator[Archive]:
    chance = seeded_random(archive.id)
    for size in sizes:
        if size < len(archive.docs):
            yield draw_archive(archive, size, chance)
    yield archive


async def _asked(layers: Layers, ingested: IngestedArchive, one: LabelledSet) -> list[AskedTurn]:
    """Recall for an archive's queries."""
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


def _language(query: Query, home: str, labelled: LabelledBench) -> str:
    """Return a message's language: the one in its kind for phrases, the author's for questions."""
    kind, comma, language = (query.kind or "").rpartition(", ")
    if comma and language in LANGUAGES:
        return language
    asks = query.id.partition("/")[0] if OTHERS in (kind, query.kind) else home
    return labelled.languages.get(asks, "en")
