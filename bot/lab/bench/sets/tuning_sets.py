"""Labelled conversations to tune on, each with a calibration fitted without it."""

import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.lab.bench.sets.data_sets import LOADERS, NoData, file_of
from bot.lab.bench.sets.handmade import first_person, packaged_json
from bot.lab.bench.sets.labelled_set import LabelledBench
from bot.lab.bench.sets.longmemeval_set import load_longmemeval
from memory.recall.relevance import Calibration

FITTED_ON = "locomo"
"""The public benchmark that the packaged calibration was fitted on."""
PACKED = "longmemeval"
"""Folder of cases in the repository, each a `.json.xz`."""


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
