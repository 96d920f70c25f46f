"""Labelled data becomes the neutral form: which documents hold an answer, and what no archive answers."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.lab.bench.handmade import OTHERS, SAME_NAMES, with_irrelevant
from bot.lab.bench.neutral import Bench, BenchArchive, BenchQuery, Doc, LabelledBench
from bot.lab.bench.public_sets import load_locomo, load_longmemeval
from tests.bench.recall.sets import pool_archives

SAMPLE: dict[str, Any] = {
    "sample_id": "conv-1",
    "conversation": {
        "speaker_a": "Ana",
        "speaker_b": "Ben",
        "session_1_date_time": "1:56 pm on 8 May, 2023",
        "session_1": [
            {"speaker": "Ana", "dia_id": "D1:1", "text": "I adopted a dog.", "blip_caption": "a brown dog"},
            {"speaker": "Ben", "dia_id": "D1:2", "text": "What is it called?"},
            {"speaker": "Ana", "dia_id": "D1:3", "text": "Rex."},
        ],
    },
    "qa": [
        {"question": "What pet has Ana?", "evidence": ["D1:2; D1:3", "D", "D9:9"], "category": 1},
        {"question": "What cat has Ben?", "evidence": ["D1:1"], "category": 5},
    ],
}
MESSAGES = [
    {"role": "user", "content": "I moved to Cluj.", "created_at": "2023-05-20T01:38:00"},
    {"role": "assistant", "content": "Noted.", "created_at": "2023-05-20T01:38:00"},
    {"role": "user", "content": "One more thing.", "created_at": "2023-05-20T01:39:00"},
]
ABOUT = {"answer_session_ids": ["s1"], "question_date": "2023/05/30 (Tue) 11:49", "question_type": "single"}


def case(**more: Any) -> dict[str, Any]:
    asked = {"query_id": "q1", "question": "Where do I live?", "metadata": ABOUT}
    sessions = [{"session_id": "s1", "messages": MESSAGES}]
    return {"case_id": "c", "sessions": sessions, "queries": [asked | more]}


@pytest.fixture
def two() -> Bench:
    """Two archives that know nothing of each other."""
    return Bench(
        name="two",
        archives=tuple(
            BenchArchive(
                id=name,
                docs=(Doc(id="1", text="x", time=time, session="s"),),
                queries=(BenchQuery(id="q", text=f"Where is {name}?", gold=("1",)),),
            )
            for name, time in (("Ana", 20), ("Ben", 10))
        ),
    )


def test_locomo(tmp_path: Path) -> None:
    path = tmp_path / "locomo.json"
    path.write_text(json.dumps([SAMPLE]), encoding="utf-8")
    labelled = load_locomo(path)
    (archive,) = labelled.bench.archives
    assert [doc.id for doc in archive.docs] == ["D1:1", "D1:3"]
    assert archive.docs[0].text == "Ana: I adopted a dog. [photo: a brown dog]\nBen: What is it called?"
    pet, cat = archive.queries
    assert (pet.gold, pet.category, pet.irrelevant) == (("D1:1", "D1:3"), "multi-hop", False)
    assert (cat.kind, cat.irrelevant) == ("adversarial", True)
    assert labelled.people == {"conv-1": ("Ana", "Ben")}


def test_longmemeval(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(json.dumps(case()), encoding="utf-8")
    (archive,) = load_longmemeval(tmp_path).bench.archives
    assert [doc.text for doc in archive.docs] == [
        "user: I moved to Cluj.\nassistant: Noted.",
        "One more thing.",
    ]
    assert {doc.session for doc in archive.docs} == {"s1"}
    (query,) = archive.queries
    assert (query.id, query.gold, query.category, query.irrelevant) == ("q1", ("s1",), "single", False)


def test_a_question_to_abstain_from_is_irrelevant(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(json.dumps(case(query_id="q1_abs")), encoding="utf-8")
    (archive,) = load_longmemeval(tmp_path).bench.archives
    assert archive.queries[0].irrelevant


def test_a_pool_tells_ids_apart_and_stands_in_order_of_time(two: Bench) -> None:
    (archive,) = pool_archives(two).archives
    assert [doc.id for doc in archive.docs] == ["Ben/1", "Ana/1"]
    assert [query.gold for query in archive.queries] == [("Ana/1",), ("Ben/1",)]
    assert {doc.session for doc in archive.docs} == {"Ana/s", "Ben/s"}


def test_irrelevant_messages_of_every_kind(two: Bench) -> None:
    people = {"Ana": ("Ana",), "Ben": ("Ben",)}
    first, _ = with_irrelevant(
        LabelledBench(two, people), {"small talk, ro": ["mersi", "bună"]}, per_kind=1
    ).archives
    found = {query.kind: query.text for query in first.queries if query.irrelevant}
    assert found[OTHERS] == "Where is Ben?"
    assert found[SAME_NAMES] == "Where is Ana?"
    assert found["small talk, ro"] in {"mersi", "bună"}
    assert sum(query.irrelevant for query in first.queries) == 3
