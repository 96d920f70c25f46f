"""Fit the packaged calibration: `make calibrate`, with GOAT_BENCH_DATA set.

It is fitted on LoCoMo and the hand-made first-person archives, at sizes from one turn to all; never on the
benchmark's new topics and small talk, nor on LongMemEval. For honest figures on the two corpora, a fit
without each is written too, next to the labelled data (see `tuning_sets`).
"""

import argparse
import asyncio
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from rich.progress import track

import bot.lab.bench.data
import memory.calibration
from bot.lab.bench.bench_layers import bench_layers
from bot.lab.bench.bench_run import UNHURRIED, ask, ingest
from bot.lab.bench.data_sets import file_of
from bot.lab.bench.handmade import first_person
from bot.lab.bench.neutral import Bench, BenchArchive, draw_archive
from bot.lab.bench.public_sets import load_locomo
from graph.layers import Layers
from graph.settings.settings_loader import load_settings
from memory.calibration.fit import LabelledQuery, fit_calibration
from memory.recall.relevance import Calibration, data_digest, file_name

OUT, APART = Path(memory.calibration.__path__[0]), Path(bot.lab.bench.data.__path__[0])
SAMPLES = {1: 15, 3: 10, 10: 6, 30: 4, 100: 2}
"""Number of archives of each size drawn from each archive; the whole archive is used once."""
IRRELEVANT = 20
"""Questions from other archives, for each archive."""
MOST_RELEVANT = 40
DEPTH = 10
"""Candidates used of each query."""
FALSE_RATE = 0.08
"""For other people's questions, the hardest irrelevant ones; new topics and small talk have far fewer."""

Drawn = tuple[str, str, BenchArchive]
"""Corpus, id of the archive it was drawn from, and the drawn archive."""
Asked = dict[str, list[LabelledQuery]]
"""Results by corpus."""


async def main() -> None:
    """Fit, measure across corpora, and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="keeps what was embedded")
    folder, settings = parser.parse_args().folder, load_settings()
    corpora = [load_locomo(file_of(settings.bench_data, "locomo")).bench, first_person().bench]
    chance = random.Random(0)
    drawn = [
        (corpus.name, archive.id, sample)
        for corpus in corpora
        for archive in corpus.archives
        for sample in draw_archives(archive, chance)
    ]
    async with bench_layers(settings, folder, stores=True) as layers:
        asked = await ask_all(layers, corpora, track(drawn, description="archives asked"), chance)
        name = layers.embeddings.name
    figures: dict[str, float] = {}
    for corpus, own in asked.items():
        apart = fit({other: some for other, some in asked.items() if other != corpus}, corpora, name)
        measured = measure(apart, own)
        file = APART / f"fitted_without_{corpus.lower().replace(' ', '_')}.json"
        write(file, apart.model_copy(update={"figures": measured}))
        figures |= {f"{corpus}, fitted without it: {what}": value for what, value in measured.items()}
    whole = fit(asked, corpora, name).model_copy(update={"figures": figures})
    for model in (name, "any"):
        write(OUT / file_name(model), whole.model_copy(update={"embedding_model": model}))
    print(whole.model_dump_json(indent=2))  # noqa: T201


def draw_archives(archive: BenchArchive, chance: random.Random) -> Iterator[BenchArchive]:
    """Yield smaller archives drawn from one, each with the questions it still answers, then the whole."""
    answered = tuple(query for query in archive.queries if query.gold and not query.irrelevant)
    own = archive.model_copy(update={"queries": answered})
    for size, count in SAMPLES.items():
        for number in range(count if size < len(archive.docs) else 0):
            yield draw_archive(own, size, chance).model_copy(update={"id": f"{archive.id}/{size}/{number}"})
    yield own


async def ask_all(
    layers: Layers, corpora: Sequence[Bench], drawn: Iterable[Drawn], chance: random.Random
) -> Asked:
    """Run every drawn archive's own questions and others'."""
    asked: Asked = {}
    context = layers.settings.turn_context().model_copy(update=UNHURRIED)
    questions = [
        (archive.id, query) for corpus in corpora for archive in corpus.archives for query in archive.queries
    ]
    for number, (name, source, sample) in enumerate(drawn):
        others = [query for home, query in questions if home != source and not query.irrelevant]
        ingested = await ingest(layers, sample, f"calibrate-{number}")
        own = chance.sample(sample.queries, min(MOST_RELEVANT, len(sample.queries)))
        every = ingested.with_queries([*own, *chance.sample(others, IRRELEVANT)])
        group = f"{name}/{len(ingested.episodes)}"
        async for query, recalled in ask(layers, every, context):
            recall, gold = recalled.state["recall"], ingested.gold(query) if query in own else ()
            found = [(each.evidence, each.turn_id in gold) for each in recall.candidates[:DEPTH]]
            asked.setdefault(name, []).append(LabelledQuery(group, recall.query, found, query in own))
    return asked


def fit(asked: Mapping[str, Sequence[LabelledQuery]], corpora: Sequence[Bench], model: str) -> Calibration:
    """Fit on all results."""
    data = {
        corpus.name: data_digest(corpus.model_dump(mode="json")) for corpus in corpora if corpus.name in asked
    }
    everything = [one for some in asked.values() for one in some]
    return fit_calibration(everything, model=model, data=data, false_rate=FALSE_RATE)


def measure(calibration: Calibration, asked: Sequence[LabelledQuery]) -> dict[str, float]:
    """Return recall and false injections at threshold 0.5."""
    best = [
        (one.relevant, max((calibration.probability(e, one.query) for e, _ in one.found), default=0.0))
        for one in asked
        if not one.query.small_talk
    ]
    shown = [chance >= 0.5 for relevant, chance in best if relevant]
    false = [chance >= 0.5 for relevant, chance in best if not relevant]
    return {"recall": round(sum(shown) / len(shown), 3), "false": round(sum(false) / len(false), 3)}


def write(file: Path, calibration: Calibration) -> None:
    """Write a calibration to a file."""
    file.write_text(calibration.model_dump_json(indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    asyncio.run(main())
