"""Fit the calibration that comes with the package: `make calibrate`, with GOAT_BENCH_DATA set.

Fitted on LoCoMo and on the hand-made first-person archives, at sizes from one turn to all; never on the new
topics and the small talk that the benchmark asks, nor on LongMemEval.
"""

import argparse
import asyncio
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.progress import track

from bot.bench.episodes import asked_at
from bot.bench.neutral import Archive, Bench, Doc, Query
from bot.bench.recalling import Recaller, open_recaller
from bot.bench.running import Ingested, ingest, layers_in
from graph.layers import Layers
from graph.settings import load_settings
from memory.calibration.fit import Asked, fit_calibration
from memory.relevance import Calibration, digest, file_name
from tests.bench.recall.locomo import load_locomo
from tests.bench.recall.remembered import remembering

HERE = Path(__file__).parent
FIRST_PERSON = HERE.parent.parent / "data" / "first_person.json"
OUT = HERE.parent.parent.parent / "memory" / "calibration"
SAMPLES = {1: 15, 3: 10, 10: 6, 30: 4, 100: 2}
"""How many archives of each size are drawn from each corpus's archive; the whole is taken once."""
IRRELEVANT = 20  # questions of other archives asked of each
MOST_RELEVANT = 40
DEPTH = 10  # candidates of each query that are looked at
FALSE_RATE = 0.08
"""Of other people's questions, the hardest irrelevant ones; new topics and small talk have much less."""


def first_person() -> Bench:
    """Read the hand-made archives."""
    archives = tuple(
        Archive(
            id=made["id"],
            docs=tuple(
                Doc(id=str(n), text=f"user: {turn['message']}\nassistant: {turn['reply']}", session=str(n))
                for n, turn in enumerate(made["turns"])
            ),
            queries=tuple(
                Query(id=str(n), text=asked["text"], gold=(str(asked["gold"]),))
                for n, asked in enumerate(made["questions"])
            ),
        )
        for made in json.loads(FIRST_PERSON.read_text("utf-8"))
    )
    return Bench(name="first person", archives=archives)


def samples(archive: Archive, chance: random.Random) -> Iterator[Archive]:
    """Draw smaller archives from one, each with the queries that it still answers."""
    answered = [query for query in archive.queries if query.gold and not query.irrelevant]
    for size, count in SAMPLES.items():
        for number in range(count if size < len(archive.docs) else 0):
            chosen = set[str]()
            for query in chance.sample(answered, len(answered)):
                if len(chosen | set(query.gold)) <= size:
                    chosen |= set(query.gold)
                if len(chosen) * 2 >= size:
                    break
            others = [doc.id for doc in archive.docs if doc.id not in chosen]
            chosen |= set(chance.sample(others, size - len(chosen)))
            yield Archive(
                id=f"{archive.id}/{size}/{number}",
                docs=tuple(doc for doc in archive.docs if doc.id in chosen),
                queries=tuple(query for query in answered if set(query.gold) <= chosen),
            )
    yield replace_queries(archive, answered)


def replace_queries(archive: Archive, queries: Sequence[Query]) -> Archive:
    """Return the archive with these queries."""
    return archive.model_copy(update={"queries": tuple(queries)})


async def ask_all(layers: Layers, corpora: Sequence[Bench], chance: random.Random) -> dict[str, list[Asked]]:
    """Ask every sample its own questions and others'."""
    recaller, asked = open_recaller(layers), dict[str, list[Asked]]()
    drawn = [
        (corpus.name, archive.id, sample)
        for corpus in corpora
        for archive in corpus.archives
        for sample in samples(archive, chance)
    ]
    questions = [
        (archive.id, query) for corpus in corpora for archive in corpus.archives for query in archive.queries
    ]
    for number, (name, source, sample) in enumerate(track(drawn, description="archives asked")):
        others = [query for home, query in questions if home != source and not query.irrelevant]
        ingested = await ingest(layers, sample, f"calibrate-{number}", lambda _: None)
        own = chance.sample(sample.queries, min(MOST_RELEVANT, len(sample.queries)))
        for query in [*own, *chance.sample(others, IRRELEVANT)]:
            asked.setdefault(name, []).append(
                await one(layers, recaller, ingested, query, query in own, name)
            )
    return asked


async def one(
    layers: Layers, recaller: Recaller, ingested: Ingested, query: Query, relevant: bool, corpus: str
) -> Asked:
    """Ask one question."""
    context = (
        layers.settings()
        .turn_context(ingested.owner)
        .model_copy(update={"cache_ttl": 0, "prefetch_timeout": 20})
    )
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
    return Asked(f"{corpus}/{len(ingested.episodes)}", recall.query, found, relevant)


def measure(calibration: Calibration, asked: Sequence[Asked]) -> dict[str, float]:
    """Return recall and false injections at 0.5 on data that it was not fitted on."""
    best = [
        (one.relevant, max((calibration.probability(e, one.query) for e, _ in one.found), default=0.0))
        for one in asked
        if not one.query.small_talk
    ]
    shown = [chance >= 0.5 for relevant, chance in best if relevant]
    false = [chance >= 0.5 for relevant, chance in best if not relevant]
    return {"recall": round(sum(shown) / len(shown), 3), "false": round(sum(false) / len(false), 3)}


async def main() -> None:
    """Fit, measure across corpora, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="keeps what was embedded")
    folder = parser.parse_args().folder
    settings = load_settings()
    if settings.bench_data is None:
        raise SystemExit("set GOAT_BENCH_DATA to the folder of labelled conversations")
    corpora = [load_locomo(settings.bench_data / "locomo_dev.json").bench, first_person()]
    folder.mkdir(parents=True, exist_ok=True)
    async with layers_in(folder, settings) as layers:
        with remembering(layers, folder / "vectors.npz"):
            asked = await ask_all(layers, corpora, random.Random(0))
            name = layers.embeddings.name
    data = {corpus.name: digest(corpus.model_dump(mode="json")) for corpus in corpora}
    figures = {}
    for corpus in asked:
        rest = [one for other, some in asked.items() if other != corpus for one in some]
        apart = fit_calibration(rest, model=name, data=data, false_rate=FALSE_RATE)
        for what, value in measure(apart, asked[corpus]).items():
            figures[f"{corpus}, fitted without it: {what}"] = value
    everything = [one for some in asked.values() for one in some]
    fitted = fit_calibration(everything, model=name, data=data, false_rate=FALSE_RATE)
    whole = fitted.model_copy(update={"figures": figures})
    for model in (name, "any"):
        text = whole.model_copy(update={"embedding_model": model}).model_dump_json(indent=2)
        (OUT / file_name(model)).write_text(text + "\n", "utf-8")
    print(whole.model_dump_json(indent=2))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
