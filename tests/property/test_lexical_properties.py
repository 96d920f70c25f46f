"""Terms hold for any text: word characters only, bounded, and the same words find what they stand in."""

import sqlite3
import unicodedata

from hypothesis import given, strategies as st

from memory.lexical.analysis import MAX_TERM_CHARS, query_terms, terms

ANY = st.text(alphabet=st.characters(exclude_categories=[]), max_size=200)
WORDLIKE = st.text(alphabet="aeinrstșțăâîéüß猫がกี한я١٢12.,:'’-_ \n\u0301\u0327İ", max_size=200)
TEXTS = ANY | WORDLIKE


def is_word_character(character: str) -> bool:
    return character == "_" or unicodedata.category(character)[0] in "LNM"


@given(TEXTS)
def test_terms_are_short_and_hold_word_characters_only(text: str) -> None:
    found = [*terms(text), *(term for word in query_terms(text) for term in word)]
    assert all(0 < len(term) <= MAX_TERM_CHARS for term in found)
    assert all(is_word_character(character) for term in found for character in term)


@given(TEXTS)
def test_words_of_a_query_are_distinct_and_so_are_their_terms(text: str) -> None:
    words = query_terms(text)
    assert len(words) == len(set(words))
    assert all(len(word) == len(set(word)) > 0 for word in words)


@given(TEXTS)
def test_a_text_finds_itself(text: str) -> None:
    found = set(terms(text))
    assert all(found & set(word) for word in query_terms(text))


@given(st.text(alphabet="aeinrstlmcpșțăâî", min_size=1, max_size=15))
def test_romanian_diacritics_make_no_difference(word: str) -> None:
    plain = word.translate(str.maketrans("ășțâî", "astai"))
    assert terms(f"este mașină și {word}") == terms(f"este mașină și {plain}")


@given(TEXTS)
def test_fts5_reads_back_every_term(text: str) -> None:
    database = sqlite3.connect(":memory:")
    database.execute(
        """CREATE VIRTUAL TABLE documents USING fts5(terms, tokenize = "ascii tokenchars '_'")"""
    )
    database.execute("CREATE VIRTUAL TABLE vocabulary USING fts5vocab(documents, 'row')")
    database.execute("INSERT INTO documents VALUES (?)", (" ".join(terms(text)),))
    assert {term for (term,) in database.execute("SELECT term FROM vocabulary")} == set(terms(text))
    database.close()
