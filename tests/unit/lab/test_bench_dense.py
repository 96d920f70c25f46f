"""Models and windows held against each other by vectors alone."""

from bot.lab.bench.dense import LATE, late_sentences, rank_answers, windows_of
from bot.lab.bench.neutral import Bench, BenchArchive, BenchQuery, Doc
from tests.servers.hash_embeddings import HashEmbeddings

HERON = "The blue heron stood in the reeds until the evening came"
LONG = "filler words. " * (LATE // 14 + 1) + f"{HERON}. The end."


def bench(*docs: Doc, queries: tuple[BenchQuery, ...] = ()) -> Bench:
    return Bench(name="b", archives=(BenchArchive(id="a", docs=docs, queries=queries),))


async def test_answers_are_placed_by_their_best_window() -> None:
    asked = BenchQuery(id="q", text="blue heron reeds", gold=("long",))
    given = bench(Doc(id="long", text=LONG), Doc(id="other", text="a red kettle"), queries=(asked,))
    model = HashEmbeddings()
    small = await rank_answers(model, given, windows_of(120))
    assert small.places == [1]
    assert small.vectors > small.docs == 2
    assert (small.among(1), small.conversations) == ([1.0], ["a"])
    beginning = await rank_answers(
        model, given, lambda text: [(0, 100)] if len(text) > 100 else [(0, len(text))]
    )
    assert beginning.vectors == 2


def test_late_sentences_are_taken_from_behind_the_window_word_for_word() -> None:
    given = bench(Doc(id="long", text=LONG), Doc(id="short", text="Short. And shorter."))
    (query,) = late_sentences(given, most=5).archives[0].queries
    assert (query.gold, query.text) == (("long",), HERON)
