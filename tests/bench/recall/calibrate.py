"""Fit the packaged calibration: `make calibrate`, with GOAT_BENCH_DATA set.

It is fitted on LoCoMo and the hand-made first-person archives, at sizes from one turn to all; never on the
benchmark's new topics and small talk, nor on LongMemEval. For honest figures on the two corpora, a fit
without each is written too, next to the labelled data (see `tuning_sets`).
"""

import argparse
import asyncio
import random
from pathlib import Path

from rich.progress import track

import bot.lab.bench.data
import memory.calibration
from bot.lab.bench.bench_run import layers_in
from bot.lab.bench.calibration_data import ask_all, draw_all, fit_all, fit_leaving_one_out
from bot.lab.bench.race.remembered_embeddings import archive_cache
from bot.lab.bench.sets.data_sets import file_of
from bot.lab.bench.sets.handmade import first_person
from bot.lab.bench.sets.locomo_set import load_locomo
from graph.settings.settings_loader import load_settings
from memory.recall.relevance import Calibration, file_name

OUT, APART = Path(memory.calibration.__path__[0]), Path(bot.lab.bench.data.__path__[0])


async def main() -> None:
    """Fit, measure across corpora, and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="keeps what was embedded")
    folder = parser.parse_args().folder
    settings = load_settings()
    corpora = [load_locomo(file_of(settings.bench_data, "locomo")).bench, first_person().bench]
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(0)
    drawn = draw_all(corpora, chance)
    async with layers_in(folder, settings) as layers:
        with archive_cache(layers, folder / "vectors.npz"):
            archives = track(drawn, description="archives asked")
            asked = await ask_all(layers, corpora, archives, chance)
            name = layers.embeddings.name
    apart = fit_leaving_one_out(asked, corpora, model=name)
    figures = {
        f"{corpus}, fitted without it: {what}": value
        for corpus, fit in apart.items()
        for what, value in fit.figures.items()
    }
    whole = fit_all(asked, corpora, model=name).model_copy(update={"figures": figures})
    for model in (name, "any"):
        write(OUT / file_name(model), whole.model_copy(update={"embedding_model": model}))
    for corpus, fit in apart.items():
        write(APART / f"fitted_without_{corpus.lower().replace(' ', '_')}.json", fit)
    print(whole.model_dump_json(indent=2))  # noqa: T201


def write(file: Path, calibration: Calibration) -> None:
    """Write a calibration to a file."""
    file.write_text(calibration.model_dump_json(indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    asyncio.run(main())
