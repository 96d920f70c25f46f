"""LoCoMo in the neutral form: pairs of turns, and questions with the pairs that hold the evidence."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from bot.importers.locomo_format import read_locomo
from bot.importers.source import Field, read_json
from bot.lab.bench.neutral import Archive, Bench, Doc, Query
from bot.lab.bench.sets.labelled_set import LabelledBench
from memory.models import Episode

CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open domain", 4: "single-hop", 5: "adversarial"}
ADVERSARIAL = 5
_DIALOGUE = re.compile(r"D(\d+):(\d+)")


def load_locomo(path: Path) -> LabelledBench:
    """Read a LoCoMo file; adversarial questions count as irrelevant."""
    samples = {_name(sample, path, number): sample for number, sample in enumerate(_samples(path), start=1)}
    episodes = {name: list(some) for name, some in read_locomo(path, "bench")}
    archives = tuple(_archive(name, episodes[name], sample) for name, sample in samples.items())
    people = {name: _people(sample.get("conversation")) for name, sample in samples.items()}
    return LabelledBench(Bench(name="LoCoMo", archives=archives), people)


def dialogue_ids(evidence: object) -> list[str]:
    """Return the dialogue ids in a piece of evidence, which may hold several, or none."""
    return [f"D{int(session)}:{int(turn)}" for session, turn in _DIALOGUE.findall(str(evidence))]


def _samples(path: Path) -> list[Field]:
    whole = read_json(path)
    return whole.items() if isinstance(whole.value, list) else [whole]


def _name(sample: Field, path: Path, number: int) -> str:
    named = sample.find("sample_id")
    return named.name() if named else f"{path.stem}-{number}"


def _people(conversation: Field) -> tuple[str, ...]:
    return tuple(conversation.get(key).name() for key in ("speaker_a", "speaker_b"))


def _archive(name: str, episodes: list[Episode], sample: Field) -> Archive:
    docs = tuple(_doc(episode) for episode in episodes)
    holders = {
        said: doc.id
        for doc, episode in zip(docs, episodes, strict=True)
        for tag in episode.tags
        for said in dialogue_ids(tag)
    }
    return Archive(id=name, docs=docs, queries=tuple(_queries(sample.get("qa").items(), holders)))


def _doc(episode: Episode) -> Doc:
    first = episode.tags[0]
    return Doc(id=first, text=episode.text, time=episode.at, session=first.partition(":")[0])


def _queries(asked: list[Field], holders: Mapping[str, str]) -> Iterator[Query]:
    for number, question in enumerate(asked, start=1):
        category = int(question.get("category").value)
        evidence = question.find("evidence")
        said = [one for piece in (evidence.items() if evidence else []) for one in dialogue_ids(piece.value)]
        adversarial = category == ADVERSARIAL
        yield Query(
            id=str(number),
            text=question.get("question").text(),
            gold=tuple(dict.fromkeys(holders[one] for one in said if one in holders)),
            irrelevant=adversarial,
            kind="adversarial" if adversarial else None,
            category=CATEGORIES.get(category, str(category)),
        )
