"""Archives of other benchmarks as lives: each is a person, who is asked its questions and others'."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from bot.lab.bench.episodes import as_episodes, asked_at, spoken
from bot.lab.bench.fixed_lots import seeded
from bot.lab.bench.living.lives import Lives, Person, Probe, Told
from bot.lab.bench.neutral import Archive, Bench
from bot.lab.bench.sets.irrelevant import OTHERS, with_irrelevant
from bot.lab.bench.sets.labelled_set import Labelled, smaller

ANSWERED, OTHER_PERSON = "third_person", "other_person"
"""Kinds: a question that the archive answers, and one that another person's does."""
NO_PARTS: Mapping[int, int] = MappingProxyType({})
PART = "/"
"""Sets off, in a person's id, the number of a part of that person's archive."""


def as_lives(labelled: Labelled, *, of_others: int, sizes: Mapping[int, int] = NO_PARTS) -> Lives:
    """Return each archive as a life, with all that it answers and so many questions of other archives.

    Smaller archives are drawn from it, by lot but always the same: so many of each of the `sizes`.
    """
    bench, chance = with_irrelevant(labelled, {}, per_kind=of_others), seeded(labelled.bench.name)
    parts = [
        smaller(archive, size, chance).model_copy(update={"id": f"{archive.id}{PART}{size}.{number}"})
        for archive in bench.archives
        for size, count in sizes.items()
        for number in range(count if size < len(archive.docs) else 0)
    ]
    return Lives(name=bench.name, people=tuple(map(_person, [*bench.archives, *parts])))


def _person(archive: Archive) -> Person:
    episodes = as_episodes(archive, archive.id)
    turns = [
        Told(id=doc.id, at=said.at, thread=said.thread, user=said.message, assistant=said.reply)
        for doc, said in zip(archive.docs, episodes, strict=True)
    ]
    probes = [
        Probe(
            id=f"{archive.id}/{query.id}",
            at=asked_at(query, episodes),
            thread=f"{archive.id} asked",
            user=query.text,
            gold=query.gold,
            needed=query.gold,
            kind=OTHER_PERSON if query.irrelevant else ANSWERED,
        )
        for query in archive.queries
        if query.kind == OTHERS or (query.gold and not query.irrelevant)
    ]
    return Person(id=archive.id, language="en", turns=tuple(turns), probes=tuple(probes))


def openings(bench: Bench) -> Iterator[str]:
    """Yield what chats began with that answer no question: nearly all call for no memory."""
    for archive in bench.archives:
        answering = {unit for query in archive.queries for unit in query.gold}
        seen = set[str | None]()
        for doc in archive.docs:
            if doc.session not in seen and answering.isdisjoint({doc.id, doc.session}):
                yield spoken(doc.text)[0]
            seen.add(doc.session)
