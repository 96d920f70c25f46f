"""The data sets of `make bench-recall`, with messages that their archives do not answer."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from bot.lab.bench.data_sets import LOADERS, NoData, file_of
from bot.lab.bench.handmade import read_phrases, romanian, with_irrelevant
from bot.lab.bench.lives import Lives, read_lives
from bot.lab.bench.neutral import Bench, BenchArchive, BenchQuery, Doc, LabelledBench

POOLED = "-pooled"
ROMANIAN = "romanian"
SETS = [*(name + form for name in LOADERS for form in ("", POOLED)), ROMANIAN]
SPEED = "speed"
LIVING = "living"
OWN_LIVES = Path(__file__).with_name("lives.json")


def read_sets(data: Path | None, chosen: Sequence[str]) -> Iterator[Bench]:
    """Yield the chosen sets with irrelevant messages.

    A pooled archive gets all phrases, but no others' questions: it holds everybody.

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
                pooled = LabelledBench(pool_archives(labelled.bench))
                yield with_irrelevant(pooled, phrases, per_kind=max(map(len, phrases.values()), default=0))
    if ROMANIAN in chosen:
        yield romanian().bench


def pool_archives(bench: Bench) -> Bench:
    """Merge all archives into one, in order of time; ids are prefixed with their archive's."""
    docs = [_doc(archive.id, doc) for archive in bench.archives for doc in archive.docs]
    queries = [_query(archive.id, query) for archive in bench.archives for query in archive.queries]
    if all(doc.time is not None for doc in docs):
        docs.sort(key=lambda doc: doc.time.timestamp() if doc.time else 0.0)
    archive = BenchArchive(id="pooled", docs=tuple(docs), queries=tuple(queries))
    return Bench(name=f"{bench.name}, pooled", archives=(archive,))


def _doc(archive: str, doc: Doc) -> Doc:
    session = None if doc.session is None else f"{archive}/{doc.session}"
    return doc.model_copy(update={"id": f"{archive}/{doc.id}", "session": session})


def _query(archive: str, query: BenchQuery) -> BenchQuery:
    gold = tuple(f"{archive}/{unit}" for unit in query.gold)
    return query.model_copy(update={"id": f"{archive}/{query.id}", "gold": gold})


def own_lives() -> Lives:
    """Read the lives that were written for this project."""
    return read_lives(OWN_LIVES)
