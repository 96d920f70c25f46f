"""Packaged hand-made sets: eight people's archives, and Romanian questions."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from bot.lab.bench.episodes import LATEST
from bot.lab.bench.neutral import Archive, Bench, Doc, Query
from bot.lab.bench.sets.labelled_set import LabelledBench

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
        Archive(
            id=one["id"],
            docs=tuple(
                Doc(id=str(number), text=_exchange(turn), session=str(number))
                for number, turn in enumerate(one["turns"])
            ),
            queries=tuple(
                Query(id=str(number), text=asked["text"], gold=(str(asked["gold"]),))
                for number, asked in enumerate(one["questions"])
            ),
        )
        for one in people
    )
    languages = {one["id"]: one["lang"] for one in people}
    return LabelledBench(Bench(name=FIRST_PERSON, archives=archives), languages=languages)


def spread_days(labelled: LabelledBench, days: float) -> LabelledBench:
    """Set the turns of each archive `days` apart instead of minutes, the last one now."""
    archives = tuple(
        archive.model_copy(update={"docs": tuple(_dated(archive, days))})
        for archive in labelled.bench.archives
    )
    return replace(labelled, bench=labelled.bench.model_copy(update={"archives": archives}))


def _dated(archive: Archive, days: float) -> Iterator[Doc]:
    for age, doc in zip(range(len(archive.docs))[::-1], archive.docs, strict=True):
        yield doc.model_copy(update={"time": LATEST - age * timedelta(days=days)})


def romanian(kind: str = "") -> LabelledBench:
    """Return sixty memories and a Romanian question for each; no calibration was fitted on them.

    `kind` selects questions: `ro-ro`, `ro-plain` (no diacritics) or `ro-en` (of English memories).
    """
    pairs = packaged_json("romanian_pairs")
    archive = Archive(
        id="ro",
        docs=tuple(Doc(id=pair["id"], text=_exchange(pair["memory"]), session=pair["id"]) for pair in pairs),
        queries=tuple(
            Query(id=pair["id"], text=pair["query"], gold=(pair["id"],), category=pair["kind"])
            for pair in pairs
            if kind in ("", pair["kind"])
        ),
    )
    return LabelledBench(Bench(name=ROMANIAN, archives=(archive,)), languages={"ro": "ro"})


def _exchange(turn: dict[str, str]) -> str:
    return f"user: {turn['message']}\nassistant: {turn['reply']}"
