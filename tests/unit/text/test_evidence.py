"""The line of evidence: one line, clipped fairly, without secrets."""

from hypothesis import given, strategies as st

from memory.prompt.tool_text import MIN_LIMIT, evidence_line
from tests.tables import each

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5)


def test_a_call_and_what_it_said() -> None:
    line = evidence_line("search", {"query": "Miti", "n": 3, "exact": True}, "Miti is\na cat.")
    assert line == 'called search(query="Miti", n=3, exact=true) -> Miti is a cat.'


@each(
    "name",
    [
        "password", "db_passwd", "token", "accessToken", "api_key", "apiKey", "private-key", "Authorization",
        "secret",
    ],
)  # fmt: skip
def test_a_secret_is_masked(name: str) -> None:
    line = evidence_line("fetch", {name: "hunter2", "headers": {name: ["hunter2"]}}, "ok")
    assert "hunter2" not in line
    assert f"{name}=***" in line


@each("name", ["key", "monkey", "keyword", "author", "passenger"])
def test_what_only_resembles_a_secret_is_shown(name: str) -> None:
    assert evidence_line("fetch", {name: "seen"}, "ok") == f'called fetch({name}="seen") -> ok'


def test_what_is_not_seen_is_left_out() -> None:
    line = evidence_line("a\u200bb", {"q": "x\u202e\x07y\u2028z"}, "one\r\n\ttwo\x00\ufeff\ufe0f\U000e0041")
    assert line == 'called ab(q="xy z") -> one two'


def test_arguments_and_preview_share_the_room() -> None:
    both = evidence_line("f", {"q": "a" * 500}, "b" * 500, limit=100)
    assert (len(both), both.count("a"), both.count("b")) == (100, both.count("a"), both.count("b"))
    assert abs(both.count("a") - both.count("b")) < 8
    assert evidence_line("f", {"q": "a"}, "b" * 500, limit=100).count("b") > 70
    assert evidence_line("f", {"q": "a" * 500}, "b", limit=100).endswith(" -> b")


@given(st.text(), st.dictionaries(st.text(), JSON, max_size=5), st.text(), st.integers(MIN_LIMIT, 300))
def test_it_is_always_one_storable_line_within_the_limit(
    name: str, arguments: dict[str, object], output: str, limit: int
) -> None:
    line = evidence_line(name, arguments, output, limit=limit)
    assert len(line) <= limit
    assert len(line.splitlines()) == 1
    assert line.encode()
    assert line.startswith("called ")
