"""Models and windows held against each other by vectors alone."""

from pathlib import Path

import numpy as np
import pytest

from bot.bench.dense import LATE, PlainE5, first_window, late_sentences, place, windows_of
from bot.bench.neutral import Archive, Bench, Doc, Query
from memory.embedding.e5 import E5Embeddings
from tests.servers.hash_embeddings import HashEmbeddings

HERON = "The blue heron stood in the reeds until the evening came"
LONG = "filler words. " * (LATE // 14 + 1) + f"{HERON}. The end."


def bench(*docs: Doc, queries: tuple[Query, ...] = ()) -> Bench:
    return Bench(name="b", archives=(Archive(id="a", docs=docs, queries=queries),))


async def test_answers_are_placed_by_their_best_window() -> None:
    asked = Query(id="q", text="blue heron reeds", gold=("long",))
    given = bench(Doc(id="long", text=LONG), Doc(id="other", text="a red kettle"), queries=(asked,))
    model = HashEmbeddings()
    small = await place(model, given, windows_of(120))
    assert [one.place for one in small.placed] == [1]
    assert small.vectors > small.docs == 2
    assert (small.among(1), small.conversations) == ([1.0], ["a"])
    beginning = await place(model, given, lambda text: [(0, 100)] if len(text) > 100 else [(0, len(text))])
    assert beginning.vectors == 2


async def test_what_nothing_answers_has_no_place() -> None:
    queries = (Query(id="1", text="x", gold=("gone",)), Query(id="2", text="x", irrelevant=True))
    assert (await place(HashEmbeddings(), bench(Doc(id="d", text="x"), queries=queries))).placed == []


def test_late_sentences_are_taken_from_behind_the_window_word_for_word() -> None:
    given = bench(Doc(id="long", text=LONG), Doc(id="short", text="Short. And shorter."))
    (query,) = late_sentences(given, most=5).archives[0].queries
    assert (query.gold, query.text) == (("long",), HERON)


def test_windows_cover_the_text() -> None:
    spans = windows_of(200)(LONG)
    assert (spans[0][0], spans[-1][1]) == (0, len(LONG))
    assert first_window(HashEmbeddings())(LONG)[0][0] == 0


def test_the_plain_model_is_the_same_one_uncentred(model_folder: Path) -> None:
    plain, centred = PlainE5(model_folder), E5Embeddings(model_folder)
    one, other = (np.array(model.embed_documents(["a green kettle"])[0]) for model in (plain, centred))
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    assert one @ other < 0.99
    assert plain.name != centred.name
