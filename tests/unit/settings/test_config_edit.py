"""`goat.toml` with other values in it, and all else as it stood."""

import tomllib
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from graph.settings.sources import flatten
from graph.tuning.toml_edit import edit_toml
from memory.errors import ConfigError
from memory.recall.relevance import read_calibration
from memory.tuning.tuning_result import Tuned
from tests.tables import each

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def tuned(**thresholds: float | str) -> Tuned:
    return Tuned(
        at=AT,
        thresholds=thresholds,
        data={"LoCoMo": "a" * 64},
        gain=0.1,
        gain_at_least=0.01,
        turns=80,
        groups=8,
        after={"recall @ 5": 0.8},
    )


def first_lines(text: str, **thresholds: float | str) -> str:
    """Return what stands above the note."""
    return edit_toml(text, tuned(**thresholds), new={}).split("[tuned]")[0].rstrip("\n")


@each(
    ("text", "then"),
    [
        ("gap_threshold = 0.5   # half", "gap_threshold = 0.6   # half"),
        ("# top\n\n[gap]\n# why\nthreshold=0.5 # so\n", "# top\n\n[gap]\n# why\nthreshold=0.6 # so"),
        ("[gap]\nbreak = 4\n[l3]\nminimum = 3", "[gap]\nbreak = 4\nthreshold = 0.6\n[l3]\nminimum = 3"),
        ("gap = {break = 4}", "gap = {break = 4,threshold = 0.6}"),
        ("gap.threshold = 0.5", "gap.threshold = 0.6"),
        ("gap_threshold = 0.1\n[gap]\nthreshold = 0.2", "gap_threshold = 0.6\n[gap]\nthreshold = 0.6"),
        ("owner = 'me'\n", "owner = 'me'\n\n[gap]\nthreshold = 0.6"),
        ("", "[gap]\nthreshold = 0.6"),
        ("# mine\r\nowner = 'me'\r\n[gap]\r\nthreshold = 1\r\n", None),
    ],
)
def test_a_value_is_written_where_it_stands(text: str, then: str | None) -> None:
    written = first_lines(text, gap_threshold=0.6)
    assert written == then or (then is None and written.startswith("# mine\r\nowner = 'me'\r\n[gap]\r\n"))


def test_the_note_says_when_on_what_data_and_by_how_much() -> None:
    note = tomllib.loads(edit_toml("", tuned(gap_threshold=0.6), new={}))["tuned"]
    assert Tuned.model_validate(note) == tuned(gap_threshold=0.6)
    assert note["data"] == {"LoCoMo": "a" * 64}
    assert note["at"] == AT


def test_a_calibration_is_read_back_as_it_was_next_to_another() -> None:
    one = read_calibration("any")
    text = edit_toml("owner = 'me' # I\n", tuned(gap_calibration="one"), new={"one": one})
    text = edit_toml(text, tuned(gap_calibration="two"), new={"two": one})
    assert text.startswith("owner = 'me' # I\n")
    read = tomllib.loads(text)
    assert read["calibrations"].keys() == {"one", "two"}
    assert read["gap"] == {"calibration": "two"}
    assert type(one).model_validate(read["calibrations"]["two"]) == one


def test_what_cannot_be_edited_with_certainty_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"gives a table's name to a value"):
        edit_toml("gap = 3", tuned(gap_threshold=0.6), new={})


LINES = st.lists(
    st.sampled_from(
        [
            "owner = 'me' # I",
            "# a comment",
            "",
            "gap_threshold = 0.25 # flat",
            "budget_base = 100",
            "l2_cap = 5_000",
        ]
    ),
    unique=True,
)
TABLES = st.lists(
    st.sampled_from(
        [
            "[gap]\nbreak = 4 # g",
            "[gap.null]\nshare = 0.5",
            "[budget]\n\n# b\nhard.cap = 200",
            "[l3]\nminimum = 1",
        ]
    ),
    unique=True,
)


@given(LINES, TABLES, st.floats(0, 1), st.integers(0, 100))
def test_whatever_the_layout_nothing_else_changes(
    lines: list[str], tables: list[str], threshold: float, base: int
) -> None:
    text = "\n".join([*lines, *tables, ""])
    written = edit_toml(text, tuned(gap_threshold=threshold, budget_base=base), new={})
    before, after = (dict(flatten(tomllib.loads(one))) for one in (text, written))
    after.pop("tuned")
    assert after == before | {"gap_threshold": threshold, "budget_base": base}
    assert all(line in written for line in text.splitlines() if line.startswith("#"))
