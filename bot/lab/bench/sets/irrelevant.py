"""Messages that an archive should have nothing to say to."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bot.lab.bench.fixed_lots import seeded
from bot.lab.bench.neutral import Archive, Bench, Query
from bot.lab.bench.sets.handmade import IRRELEVANT, packaged
from bot.lab.bench.sets.labelled_set import Labelled

PER_KIND = 30
"""The most messages of a kind for each archive."""
OTHERS, SAME_NAMES = "other people's", "other people's, same names"

Phrases = Mapping[str, Sequence[str]]


def with_irrelevant(labelled: Labelled, phrases: Phrases, *, per_kind: int = PER_KIND) -> Bench:
    """Add to each archive questions about other archives, and made-up messages of every kind."""
    bench = labelled.bench
    archives = tuple(
        _extended(archive, [*_others(archive, labelled, per_kind), *_phrases(archive.id, phrases, per_kind)])
        for archive in bench.archives
    )
    return bench.model_copy(update={"archives": archives})


def with_phrases(bench: Bench, phrases: Phrases) -> Bench:
    """Add all made-up messages to each archive: in a pooled one nobody is somebody else."""
    archives = tuple(
        _extended(archive, _phrases(archive.id, phrases, max(map(len, phrases.values()), default=0)))
        for archive in bench.archives
    )
    return bench.model_copy(update={"archives": archives})


def read_phrases() -> dict[str, list[str]]:
    """Read small talk and new topics, by kind and language."""
    kinds: dict[str, dict[str, list[str]]] = packaged(IRRELEVANT)
    return {
        f"{kind.replace('_', ' ')}, {language}": texts
        for kind, languages in kinds.items()
        for language, texts in languages.items()
    }


def renamed(text: str, names: Sequence[str], others: Sequence[str]) -> str:
    """Put `others` in the places of `names`, all at once."""
    swap = dict(zip(names, others, strict=False))
    if not swap:
        return text
    anyone = re.compile(r"\b(" + "|".join(map(re.escape, swap)) + r")\b")
    return anyone.sub(lambda found: swap[found[1]], text)


def _extended(archive: Archive, more: Iterable[Query]) -> Archive:
    return archive.model_copy(update={"queries": (*archive.queries, *more)})


def _others(archive: Archive, labelled: Labelled, per_kind: int) -> Iterator[Query]:
    chance = seeded(f"others {archive.id}")
    foreign = [
        (other.id, query)
        for other in labelled.bench.archives
        for query in other.queries
        if other.id != archive.id and not query.irrelevant
    ]
    names = labelled.people.get(archive.id, ())
    for other, query in chance.sample(foreign, min(per_kind, len(foreign))):
        yield _irrelevant(f"{other}/{query.id}", query.text, OTHERS)
        swapped = renamed(query.text, labelled.people.get(other, ()), names)
        if swapped != query.text:
            yield _irrelevant(f"{other}/{query.id}/renamed", swapped, SAME_NAMES)


def _phrases(archive: str, phrases: Phrases, per_kind: int) -> Iterator[Query]:
    for kind, texts in phrases.items():
        chosen = seeded(f"{kind} {archive}").sample(range(len(texts)), min(per_kind, len(texts)))
        for number in sorted(chosen):
            yield _irrelevant(f"{kind}/{number + 1}", texts[number], kind)


def _irrelevant(name: str, text: str, kind: str) -> Query:
    return Query(id=name, text=text, irrelevant=True, kind=kind)
