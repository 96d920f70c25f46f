"""LoCoMo and LongMemEval in the neutral form: documents, and questions with what answers them."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from bot.importers.benchmark_formats import (
    locomo_episodes,
    locomo_samples,
    longmemeval_cases,
    longmemeval_episodes,
)
from bot.importers.source import Field
from bot.lab.bench.neutral import Bench, BenchArchive, BenchQuery, Doc, LabelledBench
from memory.models import Episode

CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open domain", 4: "single-hop", 5: "adversarial"}
ADVERSARIAL = 5
_DIALOGUE = re.compile(r"D(\d+):(\d+)")


def load_locomo(path: Path) -> LabelledBench:
    """Read a LoCoMo file; adversarial questions count as irrelevant."""
    samples = dict(locomo_samples(path))
    archives = tuple(_archive(name, sample) for name, sample in samples.items())
    people = {name: _people(sample.get("conversation")) for name, sample in samples.items()}
    return LabelledBench(Bench(name="LoCoMo", archives=archives), people)


def dialogue_ids(evidence: object) -> list[str]:
    """Return the dialogue ids in a piece of evidence, which may hold several, or none."""
    return [f"D{int(session)}:{int(turn)}" for session, turn in _DIALOGUE.findall(str(evidence))]


def _people(conversation: Field) -> tuple[str, ...]:
    return tuple(conversation.get(key).name() for key in ("speaker_a", "speaker_b"))


def _archive(name: str, sample: Field) -> BenchArchive:
    episodes = list(locomo_episodes(sample, "bench", name))
    docs = tuple(_pair_doc(episode) for episode in episodes)
    holders = {
        said: doc.id
        for doc, episode in zip(docs, episodes, strict=True)
        for tag in episode.tags
        for said in dialogue_ids(tag)
    }
    return BenchArchive(id=name, docs=docs, queries=tuple(_questions(sample.get("qa").items(), holders)))


def _pair_doc(episode: Episode) -> Doc:
    first = episode.tags[0]
    return Doc(id=first, text=episode.text, time=episode.at, session=first.partition(":")[0])


def _questions(asked: list[Field], holders: Mapping[str, str]) -> Iterator[BenchQuery]:
    for number, question in enumerate(asked, start=1):
        category = int(question.get("category").value)
        said = [one for piece in question.items_of("evidence") for one in dialogue_ids(piece.value)]
        adversarial = category == ADVERSARIAL
        yield BenchQuery(
            id=str(number),
            text=question.get("question").text(),
            gold=tuple(dict.fromkeys(holders[one] for one in said if one in holders)),
            irrelevant=adversarial,
            kind="adversarial" if adversarial else None,
            category=CATEGORIES.get(category, str(category)),
        )


ABSTENTION = "_abs"
"""Suffix of the id of a question that its case does not answer."""


def load_longmemeval(path: Path) -> LabelledBench:
    """Read a file, or a folder of files; unanswerable questions count as irrelevant."""
    archives = tuple(
        BenchArchive(id=name, docs=tuple(_docs(case, name)), queries=tuple(_queries(case, name)))
        for name, case in longmemeval_cases(path)
    )
    return LabelledBench(Bench(name="LongMemEval", archives=archives))


def _docs(case: Field, name: str) -> Iterator[Doc]:
    places: Counter[str] = Counter()
    for episode in longmemeval_episodes(case, "bench", name):
        (session,) = episode.tags
        places[session] += 1
        yield Doc(
            id=f"{session}:{places[session]}", text=_exchange(episode), time=episode.at, session=session
        )


def _exchange(episode: Episode) -> str:
    return f"user: {episode.message}\nassistant: {episode.reply}" if episode.reply else episode.message


def _queries(case: Field, name: str) -> Iterator[BenchQuery]:
    """Yield the questions of a case, which lists them or is one question itself."""
    asked = case.find("queries")
    for question in asked.items() if asked else [case]:
        about = question.find("metadata") or question
        date, number = about.find("question_date"), question.name_of("query_id") or name
        unanswered = number.endswith(ABSTENTION)
        yield BenchQuery(
            id=number,
            text=question.get("question").text(),
            time=date.time() if date else None,
            gold=tuple(session.name() for session in about.items_of("answer_session_ids")),
            irrelevant=unanswered,
            kind="adversarial" if unanswered else None,
            category=about.name_of("question_type") or None,
        )
