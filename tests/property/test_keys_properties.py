"""Structural keys hold for any text: bounded, storable, and found again in whatever surrounds them."""

from uuid import UUID

import pytest
from hypothesis import given, strategies as st

from memory.lexical.structural_keys import MAX_KEY_CHARS, MAX_KEYS, find_keys

ANY = st.text(alphabet=st.characters(exclude_categories=[]), max_size=300)
KEYLIKE = st.text(alphabet="aAfF019-_./\\:@~(){} ", max_size=200)
TICKETS = st.from_regex(r"[A-Z]{3}X-[1-9][0-9]{0,5}", fullmatch=True)
HASHES = st.from_regex(r"[0-9a-f]{3}[0-9][a-f][0-9a-f]{2,59}", fullmatch=True)
PATHS = st.from_regex(r"/[a-z]{1,9}(/[a-z0-9_]{1,9}){1,4}", fullmatch=True)
KEYS = st.one_of(
    st.uuids().map(str),
    TICKETS,
    HASHES,
    PATHS,
    st.builds("https://{}.example.com{}".format, st.from_regex("[a-z]{1,9}", fullmatch=True), PATHS),
    st.from_regex(r"[a-z]{1,9}@[a-z]{1,9}\.com", fullmatch=True),
    st.ip_addresses(v=4).map(str),
)


@given(ANY | KEYLIKE)
def test_keys_are_bounded_distinct_and_storable(text: str) -> None:
    keys = find_keys(text)
    assert len(keys) == len(set(keys)) <= MAX_KEYS
    assert all(0 < len(key) <= MAX_KEY_CHARS and key.encode() for key in keys)


@given(KEYS)
def test_a_key_is_its_own_key(key: str) -> None:
    assert key in find_keys(key)


@given(KEYS, st.text(alphabet="abc ăș日", max_size=20), st.sampled_from([" ", ", ", ". ", "! ", "\n", ") "]))
def test_a_key_is_found_within_a_sentence(key: str, words: str, after: str) -> None:
    assert key in find_keys(f"{words} ({key}{after}{words}")


@pytest.mark.parametrize(
    "form", ["{}", "{{{}}}", "urn:uuid:{}", "agent-{}", "<{}>", "id={}", "https://x.y/{}"]
)
@given(identifier=st.uuids(), upper=st.booleans())
def test_a_uuid_is_found_in_any_form(form: str, identifier: UUID, upper: bool) -> None:
    written = str(identifier).upper() if upper else str(identifier)
    assert str(identifier) in find_keys(form.format(written))
