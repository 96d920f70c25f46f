"""Grounding holds for any text: a text stands in itself, and its figures are found where they are."""

from datetime import date

from hypothesis import given, strategies as st

from memory.grounding import ungrounded
from memory.grounding.figure_check import checkable_figures as figures

FIGURES = st.text(alphabet="0123456789.,:-/' \u00a0ek٤１amp", max_size=40)
TEXTS = st.text(max_size=200) | FIGURES | st.lists(FIGURES | st.text(max_size=9), max_size=9).map(" ".join)
NUMBERS = st.integers(1000, 10**15)
GROUPS = [",", ".", " ", "'", "\u00a0", "\u2009", "\u202f", ""]


@given(TEXTS)
def test_a_text_stands_in_itself(text: str) -> None:
    assert ungrounded(text, [text]) == ()


@given(TEXTS)
def test_figures_are_pieces_of_the_text_in_order(text: str) -> None:
    at = 0
    for figure in figures(text):
        at = text.index(figure.text, at) + len(figure.text)
        assert figure.value


@given(TEXTS, TEXTS)
def test_what_does_not_stand_is_a_figure_and_named_once(reply: str, source: str) -> None:
    missing = ungrounded(reply, [source])
    assert len(set(missing)) == len(missing)
    assert set(missing) <= {figure.text for figure in figures(reply)}


@given(TEXTS, TEXTS, TEXTS)
def test_another_source_never_takes_support_away(reply: str, one: str, other: str) -> None:
    assert set(ungrounded(reply, [one, other])) <= set(ungrounded(reply, [one]))


@given(NUMBERS, st.sampled_from(GROUPS), st.sampled_from(GROUPS))
def test_groups_make_no_difference(number: int, one: str, other: str) -> None:
    assert ungrounded(f"{number:,}".replace(",", one), [f"{number:,}".replace(",", other)]) == ()


@given(NUMBERS, NUMBERS)
def test_other_numbers_are_no_support(one: int, other: int) -> None:
    assert (ungrounded(str(one), [str(other)]) == ()) == (one == other)


@given(
    st.dates(min_value=date(1000, 1, 1)),
    st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%d %B %Y", "%B %d, %Y", "%d/%m/%Y"]),
)
def test_dates_stand_in_any_form(day: date, form: str) -> None:
    assert ungrounded(format(day, form), [f"{day}"]) == ()
