"""LongMemEval in the neutral form: exchanges, and questions with the sessions that answer them."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bot.importers.longmemeval_format import read_longmemeval
from bot.importers.source import Field, read_json
from bot.lab.bench.neutral import Archive, Bench, Doc, Query
from bot.lab.bench.sets.labelled_set import LabelledBench
from memory.models import Episode

ABSTENTION = "_abs"
"""Suffix of the id of a question that its case does not answer."""


def load_longmemeval(path: Path) -> LabelledBench:
    """Read a file, or a folder of files; unanswerable questions count as irrelevant."""
    cases = {_name(case, file): case for file in _files(path) for case in _cases(file)}
    archives = tuple(
        Archive(id=name, docs=tuple(_docs(episodes)), queries=tuple(_queries(cases[name], name)))
        for name, episodes in read_longmemeval(path, "bench")
    )
    return LabelledBench(Bench(name="LongMemEval", archives=archives))


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.json")) if path.is_dir() else [path]


def _cases(file: Path) -> list[Field]:
    whole = read_json(file)
    return whole.items() if isinstance(whole.value, list) else [whole]


def _name(case: Field, file: Path) -> str:
    named = case.find("case_id") or case.find("question_id")
    return named.name() if named else file.stem


def _docs(episodes: Iterator[Episode]) -> Iterator[Doc]:
    places: Counter[str] = Counter()
    for episode in episodes:
        (session,) = episode.tags
        places[session] += 1
        yield Doc(
            id=f"{session}:{places[session]}", text=_exchange(episode), time=episode.at, session=session
        )


def _exchange(episode: Episode) -> str:
    return f"user: {episode.message}\nassistant: {episode.reply}" if episode.reply else episode.message


def _queries(case: Field, name: str) -> Iterator[Query]:
    """Yield the questions of a case, which lists them or is one question itself."""
    asked = case.find("queries")
    for question in asked.items() if asked else [case]:
        about = question.find("metadata") or question
        named, date = question.find("query_id"), about.find("question_date")
        number = named.name() if named else name
        sessions, kind = about.find("answer_session_ids"), about.find("question_type")
        unanswered = number.endswith(ABSTENTION)
        yield Query(
            id=number,
            text=question.get("question").text(),
            time=date.time() if date else None,
            gold=tuple(session.name() for session in sessions.items()) if sessions else (),
            irrelevant=unanswered,
            kind="adversarial" if unanswered else None,
            category=kind.name() if kind else None,
        )
