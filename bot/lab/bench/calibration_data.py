"""Training data of a calibration: archives of all sizes, with their own questions and others'."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bot.lab.bench.bench_run import IngestedArchive, ingest
from bot.lab.bench.episodes import query_time
from bot.lab.bench.neutral import Archive, Bench, Query
from bot.lab.bench.recaller import Recaller, open_recaller
from bot.lab.bench.sets.labelled_set import draw_archive
from graph.layers import Layers
from memory.calibration.fit import LabelledQuery, fit_calibration
from memory.recall.relevance import Calibration, data_digest

SAMPLES = {1: 15, 3: 10, 10: 6, 30: 4, 100: 2}
"""Number of archives of each size drawn from each archive; the whole archive is used once."""
IRRELEVANT = 20  # questions from other archives, for each archive
MOST_RELEVANT = 40
DEPTH = 10  # candidates used of each query
FALSE_RATE = 0.08
"""For other people's questions, the hardest irrelevant ones; new topics and small talk have far fewer."""

Drawn = tuple[str, str, Archive]
"""Corpus, id of the archive it was drawn from, and the drawn archive."""


def draw_archives(archive: Archive, chance: random.Random) -> Iterator[Archive]:
    """Yield smaller archives drawn from one, each with the questions it still answers, then the whole."""
    answered = tuple(query for query in archive.queries if query.gold and not query.irrelevant)
    own = archive.model_copy(update={"queries": answered})
    for size, count in SAMPLES.items():
        for number in range(count if size < len(archive.docs) else 0):
            yield draw_archive(own, size, chance).model_copy(update={"id": f"{archive.id}/{size}/{number}"})
    yield own


def draw_all(corpora: Sequence[Bench], chance: random.Random) -> list[Drawn]:
    """Draw archives from every archive."""
    return [
        (corpus.name, archive.id, sample)
        for corpus in corpora
        for archive in corpus.archives
        for sample in draw_archives(archive, chance)
    ]


async def ask_all(
    layers: Layers, corpora: Sequence[Bench], drawn: Iterable[Drawn], chance: random.Random
) -> dict[str, list[LabelledQuery]]:
    """Run every drawn archive's own questions and others'; return the results by corpus."""
    recaller, asked = open_recaller(layers), dict[str, list[LabelledQuery]]()
    questions = [
        (archive.id, query) for corpus in corpora for archive in corpus.archives for query in archive.queries
    ]
    for number, (name, source, sample) in enumerate(drawn):
        others = [query for home, query in questions if home != source and not query.irrelevant]
        ingested = await ingest(layers, sample, f"calibrate-{number}", lambda _: None)
        own = chance.sample(sample.queries, min(MOST_RELEVANT, len(sample.queries)))
        for query in [*own, *chance.sample(others, IRRELEVANT)]:
            one = await _ask(layers, recaller, ingested, query, query in own, name)
            asked.setdefault(name, []).append(one)
    return asked


async def _ask(
    layers: Layers, recaller: Recaller, ingested: IngestedArchive, query: Query, relevant: bool, corpus: str
) -> LabelledQuery:
    """Run one question."""
    given = layers.settings.turn_context(ingested.owner)
    context = given.model_copy(update={"cache_ttl": 0, "prefetch_timeout": 20})
    recalled = await recaller(
        query.text, turn_id=f"q-{query.id}", at=query_time(query, ingested.episodes), context=context
    )
    recall = recalled.state["recall"]
    docs = dict(zip((e.turn_id for e in ingested.episodes), ingested.archive.docs, strict=True))
    gold = set(query.gold) if relevant else set[str]()
    found = [
        (c.evidence, bool({docs[c.turn_id].id, docs[c.turn_id].session} & gold))
        for c in recall.candidates[:DEPTH]
    ]
    return LabelledQuery(f"{corpus}/{len(ingested.episodes)}", recall.query, found, relevant)


def fit_all(
    asked: Mapping[str, Sequence[LabelledQuery]], corpora: Sequence[Bench], *, model: str
) -> Calibration:
    """Fit on all results."""
    data = {
        corpus.name: data_digest(corpus.model_dump(mode="json")) for corpus in corpora if corpus.name in asked
    }
    everything = [one for some in asked.values() for one in some]
    return fit_calibration(everything, model=model, data=data, false_rate=FALSE_RATE)


def fit_leaving_one_out(
    asked: Mapping[str, Sequence[LabelledQuery]], corpora: Sequence[Bench], *, model: str
) -> dict[str, Calibration]:
    """Fit once without each corpus, by its name, and measure each fit on the corpus left out."""
    fits = {}
    for corpus, own in asked.items():
        rest = {other: some for other, some in asked.items() if other != corpus}
        fit = fit_all(rest, corpora, model=model)
        fits[corpus] = fit.model_copy(update={"figures": measure(fit, own)})
    return fits


def measure(calibration: Calibration, asked: Sequence[LabelledQuery]) -> dict[str, float]:
    """Return recall and false injections at threshold 0.5."""
    best = [
        (one.relevant, max((calibration.probability(e, one.query) for e, _ in one.found), default=0.0))
        for one in asked
        if not one.query.small_talk
    ]
    shown = [chance >= 0.5 for relevant, chance in best if relevant]  # noqa: PLR2004 - the default threshold
    false = [chance >= 0.5 for relevant, chance in best if not relevant]  # noqa: PLR2004
    return {"recall": round(sum(shown) / len(shown), 3), "false": round(sum(false) / len(false), 3)}
