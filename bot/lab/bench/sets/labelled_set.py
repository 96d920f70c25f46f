"""A labelled data set in the neutral form, with draws from it."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.lab.bench.neutral import Archive, Bench, Doc, Query


@dataclass(frozen=True, slots=True)
class LabelledBench:
    """A benchmark, with the people and languages of its archives."""

    bench: Bench
    people: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names by archive, in corresponding order, to swap names between archives."""
    languages: Mapping[str, str] = field(default_factory=dict)
    """By archive; English by default."""


def pool_archives(bench: Bench) -> Bench:
    """Merge all archives into one, in order of time; ids are prefixed with their archive's."""
    docs = [_doc(archive.id, doc) for archive in bench.archives for doc in archive.docs]
    queries = [_query(archive.id, query) for archive in bench.archives for query in archive.queries]
    if all(doc.time is not None for doc in docs):
        docs.sort(key=lambda doc: doc.time.timestamp() if doc.time else 0.0)
    archive = Archive(id="pooled", docs=tuple(docs), queries=tuple(queries))
    return Bench(name=f"{bench.name}, pooled", archives=(archive,))


def draw_archive(archive: Archive, size: int, chance: random.Random) -> Archive:
    """Draw a smaller archive, with the questions that it still answers and all irrelevant ones.

    Up to half of its documents answer a question; the others are drawn at random.
    """
    answered = [query for query in archive.queries if query.gold and not query.irrelevant]
    chosen = set[str]()
    for query in chance.sample(answered, len(answered)):
        if len(chosen | set(query.gold)) <= size:
            chosen |= set(query.gold)
        if len(chosen) * 2 >= size:
            break
    others = [doc.id for doc in archive.docs if doc.id not in chosen]
    chosen |= set(chance.sample(others, size - len(chosen)))
    queries = (query for query in archive.queries if query.irrelevant or _answered(query, chosen))
    docs = tuple(doc for doc in archive.docs if doc.id in chosen)
    return archive.model_copy(update={"docs": docs, "queries": tuple(queries)})


def _answered(query: Query, docs: set[str]) -> bool:
    return bool(query.gold) and set(query.gold) <= docs


def seeded_random(seed: str | int) -> random.Random:
    """Return a reproducible generator; give each kind of draw a seed of its own."""
    return random.Random(seed)  # noqa: S311 - reproducible draws, not secrets


def _doc(archive: str, doc: Doc) -> Doc:
    session = None if doc.session is None else f"{archive}/{doc.session}"
    return doc.model_copy(update={"id": f"{archive}/{doc.id}", "session": session})


def _query(archive: str, query: Query) -> Query:
    gold = tuple(f"{archive}/{unit}" for unit in query.gold)
    return query.model_copy(update={"id": f"{archive}/{query.id}", "gold": gold})
