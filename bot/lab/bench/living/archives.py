"""Archives of other benchmarks as lives: each is a person, with its own questions and others'."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from bot.lab.bench.episodes import as_episodes, query_time, split_exchange
from bot.lab.bench.living.lives import ArchivedExchange, Lives, Person, Probe
from bot.lab.bench.neutral import Archive, Bench
from bot.lab.bench.sets.irrelevant import OTHERS, with_irrelevant
from bot.lab.bench.sets.labelled_set import LabelledBench, draw_archive, seeded_random

ANSWERED, OTHER_PERSON = "third_person", "other_person"
"""Kinds: a question that the archive answers, and one that another archive answers."""
NO_PARTS: Mapping[int, int] = MappingProxyType({})
PART = "/"
"""Separates the number of a partial archive from the person's id."""


def as_lives(labelled: LabelledBench, *, of_others: int, sizes: Mapping[int, int] = NO_PARTS) -> Lives:
    """Return each archive as a life, with its own questions and up to `of_others` of other archives.

    Smaller archives are drawn from it reproducibly: `sizes` maps a number of turns to a number of archives.
    """
    bench, chance = with_irrelevant(labelled, {}, per_kind=of_others), seeded_random(labelled.bench.name)
    parts = [
        draw_archive(archive, size, chance).model_copy(update={"id": f"{archive.id}{PART}{size}.{number}"})
        for archive in bench.archives
        for size, count in sizes.items()
        for number in range(count if size < len(archive.docs) else 0)
    ]
    return Lives(name=bench.name, people=tuple(map(_person, [*bench.archives, *parts])))


def _person(archive: Archive) -> Person:
    episodes = as_episodes(archive, archive.id)
    turns = [
        ArchivedExchange(id=doc.id, at=said.at, thread=said.thread, user=said.message, assistant=said.reply)
        for doc, said in zip(archive.docs, episodes, strict=True)
    ]
    probes = [
        Probe(
            id=f"{archive.id}/{query.id}",
            at=query_time(query, episodes),
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
    """Yield the first messages of chats that answer no question: nearly all of them need no memory."""
    for archive in bench.archives:
        answering = {unit for query in archive.queries for unit in query.gold}
        seen = set[str | None]()
        for doc in archive.docs:
            if doc.session not in seen and answering.isdisjoint({doc.id, doc.session}):
                yield split_exchange(doc.text)[0]
            seen.add(doc.session)
