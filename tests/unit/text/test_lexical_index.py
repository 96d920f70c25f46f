"""The word index: its scores are plain BM25, whatever stands in it and wherever its postings are."""

import math
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import pytest
from hypothesis import given, settings, strategies as st

from memory.database import Database, Rows, Value
from memory.episodic.search.lookup import Lookup, look_up, summed
from memory.lexical import lexical_index as index
from memory.lexical.analysis import query_terms, terms
from memory.lexical.lexical_index import (
    LONG_REPLY,
    RECITED,
    Matches,
    clear,
    derive,
    find,
    idf,
    remove_derived,
)
from memory.owners.owner_schema import migrate

K1, B = 1.2, 0.75
WORDS = ["apple", "bridge", "castle", "dragon", "engine", "forest"]
Told = tuple[str, str]
POSTINGS = "CREATE TABLE postings (term TEXT, seq INTEGER, said INTEGER, recited INTEGER, length INTEGER)"

texts = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)
long_replies = st.lists(st.sampled_from(WORDS), min_size=LONG_REPLY + 1, max_size=LONG_REPLY + 20).map(
    " ".join
)
archives = st.lists(st.tuples(texts, texts | long_replies), min_size=1, max_size=8)


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with closing(opened()) as connection:
        yield connection


def opened() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    return connection


def fill(db: Database, told: Sequence[Told]) -> None:
    for seq, (message, reply) in enumerate(told, start=1):
        derive(db, seq, message, reply)


def found(db: Database, query: str, documents: int) -> list[dict[int, float]]:
    """Return, for each word of a query, how much it counts in each episode."""
    return [
        {
            seq: word.idf * value
            for seq, value in zip(word.seqs.tolist(), word.saturations.tolist(), strict=True)
        }
        for word in find(db, query_terms(query), documents).words
    ]


def weighted(told: Told) -> tuple[Counter[str], int]:
    """Return how often each term counts in an episode, and how many terms it has."""
    message, reply = terms(told[0]), terms(told[1])
    share = RECITED if len(reply) > LONG_REPLY else 1
    frequencies: Counter[str] = Counter(message)
    for term in reply:
        frequencies[term] += share  # type: ignore[assignment]
    return frequencies, len(message) + len(reply)


def plain(told: Sequence[Told], alternatives: Sequence[str]) -> dict[int, float]:
    """Compute the BM25 of one word, by the book."""
    documents = [weighted(each) for each in told]
    mean = sum(length for _, length in documents) / len(documents)
    saturations: dict[int, float] = {}
    for seq, (frequencies, length) in enumerate(documents, start=1):
        counts = [frequencies[term] for term in alternatives if frequencies[term]]
        if counts:
            damped = K1 * (1 - B + B * length / mean)
            saturations[seq] = max(count * (K1 + 1) / (count + damped) for count in counts)
    rarity = math.log(1 + (len(told) - len(saturations) + 0.5) / (len(saturations) + 0.5))
    return {seq: rarity * value for seq, value in saturations.items()}


def assert_plain(db: sqlite3.Connection, told: Sequence[Told], query: str) -> None:
    expected = [plain(told, alternatives) for alternatives in query_terms(query)]
    scores = found(db, query, len(told))
    assert len(scores) == len(expected)
    for score, by_the_book in zip(scores, expected, strict=True):
        assert score == pytest.approx(by_the_book, rel=1e-6, abs=1e-9)


def test_one_word_by_hand(db: sqlite3.Connection) -> None:
    # 3 documents of 2, 2 and 4 terms, so 8/3 on average; "apple" stands once in the first, twice in the third
    told = [("apple bridge", ""), ("castle dragon", ""), ("apple apple", "bridge castle")]
    fill(db, told)
    rarity = math.log(1 + 1.5 / 2.5)
    first = 1 * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 2 / (8 / 3)))
    third = 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 4 / (8 / 3)))
    assert found(db, "apple", 3) == [pytest.approx({1: rarity * first, 3: rarity * third}, rel=1e-6)]
    assert_plain(db, told, "apple bridge castle dragon nothing")


@settings(max_examples=25, deadline=None)
@given(archives, texts)
def test_scores_are_those_of_plain_bm25(told: list[Told], query: str) -> None:
    with closing(opened()) as db:
        fill(db, told)
        assert_plain(db, told, query)


@dataclass(frozen=True)
class Served:
    """A database without SQLite's full-text index, as a server is."""

    opened: sqlite3.Connection

    def execute(self, sql: str, parameters: Sequence[Value] = (), /) -> Rows:
        return self.opened.execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Value]], /) -> Rows:
        return self.opened.executemany(sql, parameters)


@settings(max_examples=25, deadline=None)
@given(archives, texts, st.integers(0, 8))
def test_postings_in_a_table_score_as_those_of_sqlite(told: list[Told], query: str, removed: int) -> None:
    with closing(opened()) as db:
        db.execute(POSTINGS)
        for each in (db, Served(db)):
            fill(each, told)
            for seq, (message, reply) in enumerate(told[:removed], start=1):
                remove_derived(each, seq, message, reply)
        one, other = (found(each, query, len(told[removed:])) for each in (db, Served(db)))
        assert [score.keys() for score in one] == [score.keys() for score in other]
        for score, same in zip(one, other, strict=True):
            assert score == pytest.approx(same, rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(archives, texts)
def test_a_look_up_adds_the_words_and_knows_its_bounds(told: list[Told], query: str) -> None:
    with closing(opened()) as db:
        for seq, (message, reply) in enumerate(told, start=1):
            derive(db, seq, message, reply)
        db.execute("INSERT INTO meta (key, value) VALUES ('documents', ?)", (len(told),))
        lookup = look_up(db, query)
    scores = [plain(told, alternatives) for alternatives in query_terms(query)]
    expected = {seq: sum(score.get(seq, 0) for score in scores) for score in scores for seq in score}
    assert dict(zip(lookup.seqs.tolist(), lookup.scores.tolist(), strict=True)) == pytest.approx(
        expected, rel=1e-6
    )
    assert all(0 <= share <= 1 + 1e-9 for share in lookup.word_scores(lookup.seqs)[1])
    assert 0 <= lookup.unseen <= 1 + 1e-9
    best = lookup.best(3)
    assert len(best) == min(3, len(expected))
    worst = min((expected[seq] for seq in best), default=0)
    assert all(score <= worst + 1e-6 for seq, score in expected.items() if seq not in best)


def test_alternatives_of_a_word_count_once(db: sqlite3.Connection) -> None:
    told = [("apple", ""), ("apples", ""), ("bridge castle", "")]
    fill(db, told)
    alternatives = ("apple", "appl", "nothing")
    (word,) = find(db, [alternatives], 3).words
    assert word.seqs.tolist() == [1, 2]
    assert word.idf == pytest.approx(idf(3, 2))
    both = find(db, [("appl", "bridg")], 3).words[0]
    assert both.seqs.tolist() == [1, 2, 3]
    assert both.idf == pytest.approx(idf(3, 3))
    assert both.saturations.max() <= index.SATURATION


def test_a_word_of_a_long_reply_counts_a_third(db: sqlite3.Connection) -> None:
    filler = " ".join(f"filler{n}" for n in range(LONG_REPLY))
    short = " ".join(f"filler{n}" for n in range(LONG_REPLY - 1))
    told = [("hello", f"{filler} apple"), ("hello", f"{short} bridge"), (f"hello {filler} castle", "")]
    fill(db, told)
    assert [len(terms(reply)) > LONG_REPLY for _, reply in told] == [True, False, False]
    recited, answered, said = found(db, "apple bridge castle", 3)
    assert recited[1] < answered[2]
    assert recited[1] < said[3]
    length, mean = LONG_REPLY + 2, (2 * (LONG_REPLY + 2) + LONG_REPLY + 1) / 3
    third = 1 / 3
    expected = third * 2.2 / (third + 1.2 * (0.25 + 0.75 * length / mean))
    assert recited[1] == pytest.approx(idf(3, 1) * expected, rel=1e-6)
    assert_plain(db, told, "apple bridge castle hello filler1")


def test_the_rarest_words_are_read_first(db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "MOST_POSTINGS", 5)
    told = [("apple bridge castle", "")] + [("bridge castle", "")] * 2 + [("castle", "")] * 3
    fill(db, told)
    castle, apple, bridge, unknown = find(db, query_terms("castle apple bridge unknown"), 6).words
    assert [len(word.seqs) for word in (apple, bridge, castle, unknown)] == [1, 3, 0, 0]
    assert [word.common for word in (apple, bridge, castle, unknown)] == [False, False, True, False]
    assert castle.idf == pytest.approx(idf(6, 6))
    assert unknown.idf == pytest.approx(idf(6, 0))


def test_the_rarest_word_is_read_however_frequent_it_is(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "MOST_POSTINGS", 2)
    fill(db, [("apple", "")] * 5)
    (word,) = find(db, query_terms("apple"), 5).words
    assert (len(word.seqs), word.common) == (5, False)


def test_what_was_not_read_is_neither_covered_nor_unseen() -> None:
    common = index.Word(idf(10, 9), common=True)
    with closing(opened()) as db:
        fill(db, [("apple", ""), ("bridge", "")])
        (apple,) = find(db, query_terms("apple"), 2).words
    words = (apple, common, index.Word(idf(2, 0)))
    lookup = Lookup(Matches(2, words), *summed(words))
    total = apple.idf + words[2].idf
    assert lookup.word_scores(apple.seqs)[1].tolist() == pytest.approx([apple.idf / total])
    assert lookup.unseen == pytest.approx(words[2].idf / (total + common.idf))


def test_clearing_leaves_nothing_and_it_can_be_filled_again(db: sqlite3.Connection) -> None:
    fill(db, [("apple", ""), ("bridge", "")])
    clear(db)
    assert found(db, "apple bridge", 0) == [{}, {}]
    told = [("apple apple", ""), ("castle", "")]
    fill(db, told)
    assert_plain(db, told, "apple castle bridge")


@pytest.mark.parametrize(
    "query", ['apple" OR bridge', "apple*", "NEAR(apple)", "said: apple", "-apple", "^a'b"]
)
def test_what_is_asked_is_never_read_as_the_indexs_language(db: sqlite3.Connection, query: str) -> None:
    told = [("apple", ""), ("bridge", "")]
    fill(db, told)
    assert_plain(db, told, query)


def test_words_are_found_with_and_without_their_diacritics(db: sqlite3.Connection) -> None:
    fill(db, [("Mi-am cumpărat o bicicletă roșie de la târg.", ""), ("Vecinul cântă la vioară.", "")])
    for query in ("bicicletă roșie", "bicicleta rosie", "BICICLETELE ROȘII"):
        assert [set(word) for word in found(db, query, 2)] == [{1}, {1}], query
