"""The labelled conversations that are there to tune on, each with a calibration that has not seen it."""

import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.lab.bench.sets.data_sets import LOADERS, NoData, file_of
from bot.lab.bench.sets.handmade import first_person, packaged
from bot.lab.bench.sets.labelled_set import Labelled
from bot.lab.bench.sets.longmemeval_set import load_longmemeval
from memory.errors import GoatError
from memory.recall.relevance import Calibration

FITTED_ON = "locomo"
"""The public benchmark that the packaged calibration was fitted on."""
PACKED = "longmemeval"
"""The folder of cases that come with the repository, each a `.json.xz`."""
LARGEST = 20_000_000
"""Bytes of an unpacked case."""


class BadCase(GoatError):
    """A packed case cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSet:
    """Conversations with questions, and a calibration that was fitted without them."""

    labelled: Labelled
    source: str
    apart: Calibration | None = None
    """None when the packaged one has not seen them either."""

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
    """Return what there is: the hand-made archives, and the public benchmarks.

    Args:
        data: a folder of `locomo*.json` and `longmemeval*`, such as GOAT_BENCH_DATA; None when there is none.
        packed: the folder of the cases that come with the repository, used without `data`.

    Raises:
        NoData, BadImportFile, BadCase: what should be there is not, or cannot be read.
    """
    sets = [
        LabelledSet(labelled=first_person(), source="in the package", apart=fitted_without("first_person"))
    ]
    if data is None:
        return [*sets, LabelledSet(labelled=packed_cases(packed / PACKED), source="in the repository")]
    return [*sets, *_public(data)]


def _public(data: Path) -> Iterator[LabelledSet]:
    """Yield the benchmarks that stand in a folder."""
    there = [name for name in LOADERS if any(data.glob(f"{name}*"))]
    for name in there or LOADERS:
        apart = fitted_without(name) if name == FITTED_ON else None
        yield LabelledSet(labelled=LOADERS[name](file_of(data, name)), source="GOAT_BENCH_DATA", apart=apart)


def fitted_without(name: str) -> Calibration:
    """Return the calibration that `make calibrate` fitted without one of its two corpora."""
    return Calibration.model_validate(packaged(f"fitted_without_{name}"))


def packed_cases(folder: Path) -> Labelled:
    """Read the cases of LongMemEval that come with the repository."""
    packed = sorted(folder.glob("*.json.xz"))
    if not packed:
        raise NoData(
            f"{folder}: expected cases of LongMemEval (*.json.xz), found none. Run from `notebooks/`."
        )
    with TemporaryDirectory() as unpacked:
        for path in packed:
            (Path(unpacked) / path.stem).write_bytes(_unpacked(path))
        return load_longmemeval(Path(unpacked))


def _unpacked(path: Path) -> bytes:
    try:
        with lzma.open(path) as file:
            text = file.read(LARGEST + 1)
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise BadCase(f"{path}: cannot be unpacked ({error}). Get it again from the repository.") from None
    if len(text) > LARGEST:
        raise BadCase(f"{path}: expected at most {LARGEST:,} bytes when unpacked, found more.")
    return text
