"""Packaged hand-made sets, and messages that an archive cannot answer."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from bot.lab.bench.neutral import LATEST, Bench, BenchArchive, BenchQuery, Doc, LabelledBench, seeded_random

PACKAGE = "bot.lab.bench.data"
FIRST_PERSON, ROMANIAN, IRRELEVANT = "first person", "Romanian pairs", "irrelevant_turns"


@cache
def packaged_json(name: str) -> Any:
    """Read a packaged JSON file."""
    return json.loads(files(PACKAGE).joinpath(f"{name}.json").read_text("utf-8"))


def first_person() -> LabelledBench:
    """Return eight people's chats about their days, on which the packaged calibration was fitted."""
    people = packaged_json("first_person")
    archives = tuple(
        BenchArchive(
            id=one["id"],
            docs=tuple(
                Doc(id=str(number), text=_exchange(turn), session=str(number))
                for number, turn in enumerate(one["turns"])
            ),
            queries=tuple(
                BenchQuery(id=str(number), text=asked["text"], gold=(str(asked["gold"]),))
                for number, asked in enumerate(one["questions"])
            ),
        )
        for one in people
    )
    languages = {one["id"]: one["lang"] for one in people}
    return LabelledBench(Bench(name=FIRST_PERSON, archives=archives), languages=languages)


def spread_days(labelled: LabelledBench, days: float) -> LabelledBench:
    """Set the turns of each archive `days` apart instead of minutes, the last one at `LATEST`."""
    archives = tuple(
        archive.model_copy(update={"docs": tuple(_dated(archive, days))})
        for archive in labelled.bench.archives
    )
    return replace(labelled, bench=labelled.bench.model_copy(update={"archives": archives}))


def _dated(archive: BenchArchive, days: float) -> Iterator[Doc]:
    for age, doc in zip(range(len(archive.docs))[::-1], archive.docs, strict=True):
        yield doc.model_copy(update={"time": LATEST - age * timedelta(days=days)})


def romanian(kind: str = "") -> LabelledBench:
    """Return sixty memories and a Romanian question for each; no calibration was fitted on them.

    `kind` selects questions: `ro-ro`, `ro-plain` (no diacritics) or `ro-en` (of English memories).
    """
    pairs = packaged_json("romanian_pairs")
    archive = BenchArchive(
        id="ro",
        docs=tuple(Doc(id=pair["id"], text=_exchange(pair["memory"]), session=pair["id"]) for pair in pairs),
        queries=tuple(
            BenchQuery(id=pair["id"], text=pair["query"], gold=(pair["id"],), category=pair["kind"])
            for pair in pairs
            if kind in ("", pair["kind"])
        ),
    )
    return LabelledBench(Bench(name=ROMANIAN, archives=(archive,)), languages={"ro": "ro"})


def _exchange(turn: dict[str, str]) -> str:
    return f"user: {turn['message']}\nassistant: {turn['reply']}"


PER_KIND = 30
"""Maximum number of messages of a kind for each archive."""
OTHERS, SAME_NAMES = "other people's", "other people's, same names"

Phrases = Mapping[str, Sequence[str]]


def with_irrelevant(labelled: LabelledBench, phrases: Phrases, *, per_kind: int = PER_KIND) -> Bench:
    """Add questions about other archives, and phrases of every kind, to each archive."""
    bench = labelled.bench
    archives = tuple(
        _extended(archive, [*_others(archive, labelled, per_kind), *_phrases(archive.id, phrases, per_kind)])
        for archive in bench.archives
    )
    return bench.model_copy(update={"archives": archives})


def read_phrases() -> dict[str, list[str]]:
    """Read phrases of small talk and new topics, by kind and language."""
    kinds: dict[str, dict[str, list[str]]] = packaged_json(IRRELEVANT)
    return {
        f"{kind.replace('_', ' ')}, {language}": texts
        for kind, languages in kinds.items()
        for language, texts in languages.items()
    }


def swap_names(text: str, names: Sequence[str], others: Sequence[str]) -> str:
    """Replace `names` by `others`, all at once."""
    swap = dict(zip(names, others, strict=False))
    if not swap:
        return text
    anyone = re.compile(r"\b(" + "|".join(map(re.escape, swap)) + r")\b")
    return anyone.sub(lambda found: swap[found[1]], text)


def _extended(archive: BenchArchive, more: Iterable[BenchQuery]) -> BenchArchive:
    return archive.model_copy(update={"queries": (*archive.queries, *more)})


def _others(archive: BenchArchive, labelled: LabelledBench, per_kind: int) -> Iterator[BenchQuery]:
    chance = seeded_random(f"others {archive.id}")
    foreign = [
        (other.id, query)
        for other in labelled.bench.archives
        for query in other.queries
        if other.id != archive.id and not query.irrelevant
    ]
    names = labelled.people.get(archive.id, ())
    for other, query in chance.sample(foreign, min(per_kind, len(foreign))):
        yield _irrelevant(f"{other}/{query.id}", query.text, OTHERS)
        swapped = swap_names(query.text, labelled.people.get(other, ()), names)
        if swapped != query.text:
            yield _irrelevant(f"{other}/{query.id}/renamed", swapped, SAME_NAMES)


def _phrases(archive: str, phrases: Phrases, per_kind: int) -> Iterator[BenchQuery]:
    for kind, texts in phrases.items():
        chosen = seeded_random(f"{kind} {archive}").sample(range(len(texts)), min(per_kind, len(texts)))
        for number in sorted(chosen):
            yield _irrelevant(f"{kind}/{number + 1}", texts[number], kind)


def _irrelevant(name: str, text: str, kind: str) -> BenchQuery:
    return BenchQuery(id=name, text=text, irrelevant=True, kind=kind)
