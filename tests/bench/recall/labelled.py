"""A labelled data set in the neutral form, per archive and pooled into one."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.bench.neutral import Archive, Bench, Doc, Query


@dataclass(frozen=True, slots=True)
class Labelled:
    """A benchmark, and the people who speak in its archives."""

    bench: Bench
    people: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names by archive, in an order that tells who corresponds to whom in another archive."""


def pooled(bench: Bench) -> Bench:
    """Put all archives into one, in order of time; ids are told apart by that of their archive."""
    docs = [_doc(archive.id, doc) for archive in bench.archives for doc in archive.docs]
    queries = [_query(archive.id, query) for archive in bench.archives for query in archive.queries]
    if all(doc.time is not None for doc in docs):
        docs.sort(key=lambda doc: doc.time.timestamp() if doc.time else 0.0)
    archive = Archive(id="pooled", docs=tuple(docs), queries=tuple(queries))
    return Bench(name=f"{bench.name}, pooled", archives=(archive,))


def sampled(bench: Bench, limit: int | None) -> Bench:
    """Keep about `limit` queries of each archive, half of them relevant, always the same; all when None."""
    if limit is None:
        return bench
    archives = tuple(
        archive.model_copy(update={"queries": _some(archive, limit)}) for archive in bench.archives
    )
    return bench.model_copy(update={"archives": archives})


def _some(archive: Archive, limit: int) -> tuple[Query, ...]:
    chance, half = random.Random(archive.id), (limit + 1) // 2
    places = list(range(len(archive.queries)))
    chance.shuffle(places)
    irrelevant = [place for place in places if archive.queries[place].irrelevant]
    relevant = [place for place in places if not archive.queries[place].irrelevant][:half]
    return tuple(archive.queries[place] for place in sorted(relevant + irrelevant[: limit - len(relevant)]))


def _doc(archive: str, doc: Doc) -> Doc:
    session = None if doc.session is None else f"{archive}/{doc.session}"
    return doc.model_copy(update={"id": f"{archive}/{doc.id}", "session": session})


def _query(archive: str, query: Query) -> Query:
    gold = tuple(f"{archive}/{unit}" for unit in query.gold)
    return query.model_copy(update={"id": f"{archive}/{query.id}", "gold": gold})
