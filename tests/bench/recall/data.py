"""The data sets that there are to measure on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bot.bench.neutral import Bench
from memory.errors import GoatError
from tests.bench.recall.irrelevant import read_phrases, with_irrelevant, with_phrases
from tests.bench.recall.labelled import Labelled, pooled, sampled
from tests.bench.recall.locomo import load_locomo
from tests.bench.recall.longmemeval import load_longmemeval

LOADERS: Mapping[str, Callable[[Path], Labelled]] = {
    "locomo": load_locomo,
    "longmemeval": load_longmemeval,
}
POOLED = "-pooled"
SETS = [name + form for name in LOADERS for form in ("", POOLED)]
SPEED = "speed"


class NoData(GoatError):
    """There is nothing labelled to measure on."""


def read_sets(data: Path | None, chosen: Sequence[str], limit: int | None) -> Iterator[Bench]:
    """Yield the chosen sets, with irrelevant messages, and at most `limit` queries an archive.

    Raises:
        NoData: a set is unknown, or its file is not there.
        BadImportFile: a file cannot be read.
    """
    unknown = sorted({*chosen} - {*SETS, SPEED})
    if unknown:
        raise NoData(f"--only {unknown[0]}: expected one of {', '.join(SETS)}, {SPEED}.")
    phrases = read_phrases()
    for name, load in LOADERS.items():
        if not {name, name + POOLED}.isdisjoint(chosen):
            labelled = load(_file(data, name))
            if name in chosen:
                yield sampled(with_irrelevant(labelled, phrases), limit)
            if name + POOLED in chosen:
                yield sampled(with_phrases(pooled(labelled.bench), phrases), limit)


def _file(data: Path | None, name: str) -> Path:
    if data is None:
        raise NoData(
            "No data: set GOAT_BENCH_DATA, or give --data, a folder with locomo*.json (LoCoMo) and "
            "longmemeval* (LongMemEval: a file, or a folder of files). `--only speed` needs none."
        )
    found = sorted(path for path in data.glob(f"{name}*") if path.is_dir() or path.suffix == ".json")
    if not found:
        raise NoData(f"{data}: expected {name}*, a file or folder; found none. `--only` leaves sets out.")
    return found[0]
