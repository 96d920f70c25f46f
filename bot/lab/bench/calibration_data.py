"""What a calibration is fitted on: archives of every size, asked their own questions and others'."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bot.lab.bench.bench_run import Ingested, ingest
from bot.lab.bench.episodes import asked_at
from bot.lab.bench.neutral import Archive, Bench, Query
from bot.lab.bench.recaller import Recaller, open_recaller
from bot.lab.bench.sets.labelled_set import smaller
from graph.layers import Layers
from memory.calibration.fit import LabelledQuery, fit_calibration
from memory.recall.relevance import Calibration, data_digest

SAMPLES = {1: 15, 3: 10, 10: 6, 30: 4, 100: 2}
"""How many archives of each size are drawn from each corpus's archive; the whole is taken once."""
IRRELEVANT = 20  # questions of other archives asked of each
MOST_RELEVANT = 40
DEPTH = 10  # candidates of each query that are looked at
FALSE_RATE = 0.08
"""Of other people's questions, the hardest irrelevant ones; new topics and small talk have much less."""

Drawn = tuple[str, str, Archive]
"""Corpus, archive that it was drawn from, and the sample."""


def samples(archive: Archive, chance: random.Random) -> Iterator[Archive]:
    """Draw smaller archives from one, each with what it still answers, and yield the whole last."""
    answered = tuple(query for query in archive.queries if query.gold and not query.irrelevant)
    own = archive.model_copy(update={"queries": answered})
    for size, count in SAMPLES.items():
        for number in range(count if size < len(archive.docs) else 0):
            yield smaller(own, size, chance).model_copy(update={"id": f"{archive.id}/{size}/{number}"})
    yield own


def draw(corpora: Sequence[Bench], chance: random.Random) -> list[Drawn]:
    """Draw samples of every archive."""
    return [
        (corpus.name, archive.id, sample)
        for corpus in corpora
        for archive in corpus.archives
        for sample in samples(archive, chance)
    ]


async def ask_all(
    layers: Layers, corpora: Sequence[Bench], drawn: Iterable[Drawn], chance: random.Random
) -> dict[str, list[LabelledQuery]]:
    """Ask every sample its own questions and others'; return them by corpus."""
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
    layers: Layers, recaller: Recaller, ingested: Ingested, query: Query, relevant: bool, corpus: str
) -> LabelledQuery:
    """Ask one question."""
    given = layers.settings.turn_context(ingested.owner)
    context = given.model_copy(update={"cache_ttl": 0, "prefetch_timeout": 20})
    recalled = await recaller(
        query.text, turn_id=f"q-{query.id}", at=asked_at(query, ingested.episodes), context=context
    )
    recall = recalled.state["recall"]
    docs = dict(zip((e.turn_id for e in ingested.episodes), ingested.archive.docs, strict=True))
    gold = set(query.gold) if relevant else set[str]()
    found = [
        (c.evidence, bool({docs[c.turn_id].id, docs[c.turn_id].session} & gold))
        for c in recall.candidates[:DEPTH]
    ]
    return LabelledQuery(f"{corpus}/{len(ingested.episodes)}", recall.query, found, relevant)


def fitted(
    asked: Mapping[str, Sequence[LabelledQuery]], corpora: Sequence[Bench], *, model: str
) -> Calibration:
    """Fit on those corpora, all that were asked."""
    data = {
        corpus.name: data_digest(corpus.model_dump(mode="json")) for corpus in corpora if corpus.name in asked
    }
    everything = [one for some in asked.values() for one in some]
    return fit_calibration(everything, model=model, data=data, false_rate=FALSE_RATE)


def fitted_apart(
    asked: Mapping[str, Sequence[LabelledQuery]], corpora: Sequence[Bench], *, model: str
) -> dict[str, Calibration]:
    """Fit without each corpus, by its name, and measure each fit on the corpus that it has not seen."""
    fits = {}
    for corpus, own in asked.items():
        rest = {other: some for other, some in asked.items() if other != corpus}
        fit = fitted(rest, corpora, model=model)
        fits[corpus] = fit.model_copy(update={"figures": measure(fit, own)})
    return fits


def measure(calibration: Calibration, asked: Sequence[LabelledQuery]) -> dict[str, float]:
    """Return recall and false injections at 0.5 on data that it was not fitted on."""
    best = [
        (one.relevant, max((calibration.probability(e, one.query) for e, _ in one.found), default=0.0))
        for one in asked
        if not one.query.small_talk
    ]
    shown = [chance >= 0.5 for relevant, chance in best if relevant]  # noqa: PLR2004 - the default threshold
    false = [chance >= 0.5 for relevant, chance in best if not relevant]  # noqa: PLR2004
    return {"recall": round(sum(shown) / len(shown), 3), "false": round(sum(false) / len(false), 3)}
