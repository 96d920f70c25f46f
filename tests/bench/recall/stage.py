"""Fit the two packaged decisions: `make calibrate`, with GOAT_BENCH_DATA set.

Fitted on the lives here, those of the data folder, and, at a lower weight, the archives of LoCoMo. The
figures are leave-one-person-out: each person's decisions come from a fit on all others.
"""

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from bot.commands.bench_command import BenchProgress
from bot.lab.bench.bench_layers import bench_layers
from bot.lab.bench.bench_run import UNHURRIED
from bot.lab.bench.data_sets import file_of
from bot.lab.bench.handmade import first_person
from bot.lab.bench.lives import Lives, read_lives
from bot.lab.bench.measures import ALL, Measures, measure_probes
from bot.lab.bench.public_sets import load_locomo, load_longmemeval
from bot.lab.bench.report import print_measures
from graph.settings.context import TurnContext
from graph.settings.settings import Settings
from graph.settings.settings_loader import load_settings
from memory.recall.relevance import data_digest, file_name
from memory.recall.staged import PREFIX, Staged
from tests.bench.recall.calibrate import OUT
from tests.bench.recall.frontier import decide, draw
from tests.bench.recall.samples import (
    ARCHIVED,
    HANDMADE,
    LIVED,
    LabelledProbe,
    as_lives,
    label_probes,
    messages,
    openings,
    samples,
)
from tests.bench.recall.sets import LIVING, own_lives
from tests.bench.recall.staged_fit import LabelledMessage, Sample, fit_staged

OF_OTHERS, OF_OTHER_PEOPLE = 100, 8
"""Questions of other archives for each archive of LoCoMo, and for each hand-made one."""
YOUNG = {1: 4, 3: 3, 10: 2}
"""Number of archives of each size drawn from each hand-made one; the smallest has one turn."""
OF_FOLDER = 1
"""Index of the folder's lives among all that is read: the frontier is drawn for them."""


async def main() -> None:
    """Fit, measure on people left out, and write the packaged fit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="keeps what was embedded")
    folder = parser.parse_args().folder
    settings, console = load_settings(), Console(highlight=False)
    asked: dict[str, list[LabelledProbe]] = {}
    read = sets(settings)
    chats = load_longmemeval(file_of(settings.bench_data, "longmemeval")).bench
    context = TurnContext().model_copy(update=UNHURRIED)
    async with bench_layers(settings, folder, stores=True) as layers:
        for lives, _ in read:
            with BenchProgress(*lives.counts, console) as bars:
                run = label_probes(layers, lives, context, bars.add_documents, bars.add_query)
                asked[lives.name] = await run
        others, name = await messages(layers, openings(chats)), layers.embeddings.name
    found = [one for lives, weights in read for one in samples(asked[lives.name], weights)]
    figures: dict[str, float] = {}
    for lives, _ in read:
        fits = left_out(asked[lives.name], found, others)
        measures = measure_probes(
            [decide(each, TurnContext(), fits[each.group]) for each in asked[lives.name]]
        )
        print_measures(f"{lives.name}, people left out", measures, console)
        figures |= {f"{lives.name}, people left out: {what}": value for what, value in _figures(measures)}
        if lives is read[OF_FOLDER][0]:
            draw(asked[lives.name], fits)
    data = {lives.name: data_digest(lives.model_dump(mode="json")) for lives, _ in read}
    fitted = fit_staged(found, others, model=name, data=data).model_copy(update={"figures": figures})
    (OUT / (PREFIX + file_name(name))).write_text(fitted.model_dump_json() + "\n", "utf-8")


def sets(settings: Settings) -> list[tuple[Lives, Mapping[str, float]]]:
    """Read all people to fit on, and the weights of their probes."""
    young = as_lives(first_person(), of_others=OF_OTHER_PEOPLE, sizes=YOUNG)
    locomo = load_locomo(file_of(settings.bench_data, "locomo"))
    return [
        (own_lives(), LIVED),
        (read_lives(file_of(settings.bench_data, LIVING)), LIVED),
        (as_lives(locomo, of_others=OF_OTHERS), ARCHIVED),
        (young, HANDMADE),
    ]


def left_out(
    asked: Sequence[LabelledProbe], found: Sequence[Sample], others: Sequence[LabelledMessage]
) -> dict[str, Staged]:
    """Return a fit for each person, on all others."""
    return {
        person: fit_staged([one for one in found if one.group != person], others, model="left out", data={})
        for person in dict.fromkeys(each.group for each in asked)
    }


def _figures(measures: Measures) -> list[tuple[str, float]]:
    every = measures.by_kind[ALL]
    named = {"needed": every.needed, "all needed": every.all_needed, "extra": every.extra}
    false = {f"false, {kind}": share for kind, (_, share) in measures.false.items()}
    told = {**named, **false, "outdated alone": float(measures.outdated)}
    return [(what, round(value, 3)) for what, value in told.items() if value is not None]


if __name__ == "__main__":
    asyncio.run(main())
