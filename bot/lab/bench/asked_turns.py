"""Labelled messages that were asked once: any rule, threshold or calibration can then decide on them anew."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bot.lab.bench.bench_run import Ingested, ingest
from bot.lab.bench.episodes import asked_at
from bot.lab.bench.fixed_lots import seeded
from bot.lab.bench.neutral import Archive, Query
from bot.lab.bench.recaller import Recaller, open_recaller
from bot.lab.bench.sets.irrelevant import OTHERS, read_phrases, with_irrelevant
from bot.lab.bench.sets.labelled_set import Labelled, smaller
from bot.lab.bench.sets.tuning_sets import LabelledSet
from graph.layers import Layers
from graph.settings.context import TurnContext
from graph.state.turn_state import State
from memory.models import Decision
from memory.recall.relevance import Calibration
from nodes.gap_filter import filter_candidates

PER_KIND = 8
"""The most irrelevant messages of a kind for each archive."""
LANGUAGES = ("en", "ro", "other")
ASKED: Mapping[str, object] = {"prefetch_results": 20, "prefetch_timeout": 30, "cache_ttl": 0}
"""Nothing is late, and nothing is remembered from one message to the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedTurn:
    """A labelled message, and everything that was found for it."""

    set: str
    conversation: str
    """What it is resampled with: messages to one archive are not independent."""
    size: int
    """Turns in the archive."""
    language: str
    query: Query
    gold: frozenset[str]
    """Turn ids of the memories that answer it."""
    state: State = field(repr=False)
    calibration: Calibration | None = field(default=None, repr=False)
    """One that was fitted without this conversation; None for the packaged one, which was too."""

    @property
    def relevant(self) -> bool:
        """Whether the archive has an answer."""
        return not self.query.irrelevant

    def decisions(self, context: TurnContext) -> list[Decision]:
        """Decide anew, under these thresholds."""
        return filter_candidates(self.state, context, self.calibration)

    def probability(self, context: TurnContext) -> float:
        """Return the best memory's probability, before anything is cut."""
        return max((decision.probability for decision in self.decisions(context)), default=0.0)

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
    """Ask every set its questions, and messages that it should have nothing to say to.

    Args:
        layers: what to recall with.
        sets: what to ask.
        sizes: turns of the smaller archives that are drawn from each and asked as well.
        per_kind: the most irrelevant messages of a kind for each archive.
    """
    recaller, phrases, asked = open_recaller(layers), read_phrases(), list[AskedTurn]()
    for one in sets:
        for archive in with_irrelevant(one.labelled, phrases, per_kind=per_kind).archives:
            for part in _sized(archive, sizes):
                owner = f"asked {one.name} {archive.id} {len(part.docs)}"
                ingested = await ingest(layers, part, owner, lambda _: None)
                asked += await _asked(recaller, ingested, one)
    return asked


def _sized(archive: Archive, sizes: Sequence[int]) -> Iterator[Archive]:
    chance = seeded(archive.id)
    for size in sizes:
        if size < len(archive.docs):
            yield smaller(archive, size, chance)
    yield archive


async def _asked(recaller: Recaller, ingested: Ingested, one: LabelledSet) -> list[AskedTurn]:
    """Ask an archive its queries."""
    archive, home = ingested.archive, ingested.archive.id
    context = TurnContext.model_validate({"owner": ingested.owner, **ASKED})
    asked = []
    for number, query in enumerate(archive.queries):
        recalled = await recaller(
            query.text,
            turn_id=f"{ingested.owner}:query:{number}",
            at=asked_at(query, ingested.episodes),
            context=context,
        )
        turn = AskedTurn(
            set=one.name,
            conversation=f"{one.name} {home}",
            size=len(archive.docs),
            language=_language(query, home, one.labelled),
            query=query,
            gold=_gold(ingested, query),
            state=recalled.state,
            calibration=one.apart,
        )
        asked.append(turn)
    return asked


def _language(query: Query, home: str, labelled: Labelled) -> str:
    """Return a message's language: made-up ones say it after their kind, others have their asker's."""
    kind, comma, language = (query.kind or "").rpartition(", ")
    if comma and language in LANGUAGES:
        return language
    asks = query.id.partition("/")[0] if OTHERS in (kind, query.kind) else home
    return labelled.languages.get(asks, "en")


def _gold(ingested: Ingested, query: Query) -> frozenset[str]:
    """Return the turn ids of the documents, or of all in the sessions, that answer a query."""
    if query.irrelevant:
        return frozenset()
    docs = zip(ingested.episodes, ingested.archive.docs, strict=True)
    return frozenset(episode.turn_id for episode, doc in docs if {doc.id, doc.session} & {*query.gold})
