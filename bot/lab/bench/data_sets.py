"""Data sets by name, and labelled conversations to tune on, each with a calibration fitted without it."""

import lzma
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.lab.bench.handmade import first_person, packaged_json
from bot.lab.bench.neutral import LabelledBench
from bot.lab.bench.public_sets import load_locomo, load_longmemeval
from memory.errors import GoatError
from memory.recall.relevance import Calibration

LOADERS: Mapping[str, Callable[[Path], LabelledBench]] = {
    "locomo": load_locomo,
    "longmemeval": load_longmemeval,
}
FITTED_ON = "locomo"
"""The public benchmark that the packaged calibration was fitted on."""
PACKED = "longmemeval"
"""Folder of cases in the repository, each a `.json.xz`."""


class NoData(GoatError):
    """A data set is missing or unknown."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSet:
    """Conversations with questions, and a calibration fitted without them."""

    labelled: LabelledBench
    source: str
    apart: Calibration | None = None
    """None for the packaged one, if that was fitted without them too."""

    @property
    def name(self) -> str:
        return self.labelled.bench.name

    def __str__(self) -> str:
        archives = self.labelled.bench.archives
        docs = sum(len(archive.docs) for archive in archives)
        queries = sum(len(archive.queries) for archive in archives)
        fitted = "fitted without them" if self.apart else "as packaged, which has not seen them"
        return (
            f"{self.name}: {len(archives)} conversations of {docs:,} turns, {queries:,} questions "
            f"({self.source}); calibration {fitted}"
        )


def labelled_sets(data: Path | None, packed: Path) -> list[LabelledSet]:
    """Return the available sets: the hand-made archives, and public benchmarks.

    Args:
        data: a folder of `locomo*.json` and `longmemeval*`, such as GOAT_BENCH_DATA; None without one.
        packed: the folder of the repository's cases, used when `data` is None.

    Raises:
        NoData, BadImportFile: a set is missing or cannot be read.
    """
    sets = [
        LabelledSet(
            labelled=first_person(), source="in the package", apart=calibration_without("first_person")
        )
    ]
    if data is None:
        return [*sets, LabelledSet(labelled=packed_cases(packed / PACKED), source="in the repository")]
    return [*sets, *_public(data)]


def _public(data: Path) -> Iterator[LabelledSet]:
    """Yield the benchmarks in a folder."""
    there = [name for name in LOADERS if any(data.glob(f"{name}*"))]
    for name in there or LOADERS:
        apart = calibration_without(name) if name == FITTED_ON else None
        yield LabelledSet(labelled=LOADERS[name](file_of(data, name)), source="GOAT_BENCH_DATA", apart=apart)


def calibration_without(name: str) -> Calibration:
    """Return the calibration that `make calibrate` fitted without one of its two corpora."""
    return Calibration.model_validate(packaged_json(f"fitted_without_{name}"))


def packed_cases(folder: Path) -> LabelledBench:
    """Read the cases of LongMemEval in the repository."""
    packed = sorted(folder.glob("*.json.xz"))
    if not packed:
        raise NoData(
            f"{folder}: expected cases of LongMemEval (*.json.xz), found none. Run from `notebooks/`."
        )
    with TemporaryDirectory() as unpacked:
        for path in packed:
            (Path(unpacked) / path.stem).write_bytes(lzma.decompress(path.read_bytes()))
        return load_longmemeval(Path(unpacked))
