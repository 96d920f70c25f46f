"""The data sets by name."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bot.lab.bench.neutral import Bench
from bot.lab.bench.sets.handmade import romanian
from bot.lab.bench.sets.irrelevant import read_phrases, with_irrelevant, with_phrases
from bot.lab.bench.sets.labelled_set import LabelledBench, pool_archives
from bot.lab.bench.sets.locomo_set import load_locomo
from bot.lab.bench.sets.longmemeval_set import load_longmemeval
from memory.errors import GoatError

LOADERS: Mapping[str, Callable[[Path], LabelledBench]] = {
    "locomo": load_locomo,
    "longmemeval": load_longmemeval,
}
POOLED = "-pooled"
ROMANIAN = "romanian"
SETS = [*(name + form for name in LOADERS for form in ("", POOLED)), ROMANIAN]
SPEED = "speed"
LIVING = "living"


class NoData(GoatError):
    """A data set is missing or unknown."""


def read_sets(data: Path | None, chosen: Sequence[str]) -> Iterator[Bench]:
    """Yield the chosen sets with irrelevant messages.

    Raises:
        NoData: a set is unknown, or its file is missing.
        BadImportFile: a file cannot be read.
    """
    unknown = sorted({*chosen} - {LIVING, *SETS, SPEED})
    if unknown:
        raise NoData(f"--only {unknown[0]}: expected one of {LIVING}, {', '.join(SETS)}, {SPEED}.")
    phrases = read_phrases()
    for name in LOADERS:
        if not {name, name + POOLED}.isdisjoint(chosen):
            labelled = LOADERS[name](file_of(data, name))
            if name in chosen:
                yield with_irrelevant(labelled, phrases)
            if name + POOLED in chosen:
                yield with_phrases(pool_archives(labelled.bench), phrases)
    if ROMANIAN in chosen:
        yield romanian().bench


def file_of(data: Path | None, name: str) -> Path:
    """Return the file or folder of a set.

    Raises:
        NoData: it does not exist.
    """
    if data is None:
        raise NoData(
            "No data: set GOAT_BENCH_DATA, or give --data, a folder with living*.json (lives in "
            "conversation), locomo*.json (LoCoMo) and longmemeval* (LongMemEval: a file, or a folder of "
            "files). `--only romanian` and `--only speed` need none."
        )
    found = sorted(path for path in data.glob(f"{name}*") if path.is_dir() or path.suffix == ".json")
    if not found:
        raise NoData(f"{data}: expected {name}*, a file or folder; found none. `--only` leaves sets out.")
    return found[0]
