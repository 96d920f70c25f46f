"""Figures of a reply: how they are read, what makes them stand, and what does not."""

from memory.grounding import ungrounded
from memory.grounding.figure_check import checkable_figures
from tests.linear import not_linear
from tests.tables import each

HOSTILE = [
    "1", "1 ", "12 ", "1,", "1.", "111 ", "1e", "1:2:", "12:30:", "1-", "12/11/", "2026-", "1'", "may ",
    "12 may ", " ", "a1", "1. ", "\n1.", "\n> ", "(#", "{#", "x/1-", "1.2 mil ", "12 de ", "٤",
]  # fmt: skip
HOSTILE.append("1" * 50 + "e")


@each(
    ("text", "value"),
    [
        ("1,234", "1234"),
        ("1.234", "1234"),
        ("1 234", "1234"),
        ("1'234", "1234"),
        ("1\u00a0234", "1234"),
        ("1\u2009234", "1234"),
        ("1\u202f234", "1234"),
        ("1,234,567.50", "1234567.5"),
        ("1.234.567,50", "1234567.5"),
        ("12,34,567", "1234567"),
        ("12.50", "12.5"),
        ("12,5", "12.5"),
        ("007", "7"),
        ("0.50", "0.5"),
        ("1.2.3", "1.2.3"),
        ("1.5e3", "1500"),
        ("12e-3", "0.012"),
        ("1.2 million", "1200000"),
        ("1,2 mil", "1200000"),
        ("5 milioane", "5000000"),
        ("20 de mii", "20000"),
        ("12k", "12000"),
        ("3 miliarde", "3000000000"),
        ("2026-11-21", "2026-11-21"),
        ("21.11.2026", "2026-11-21"),
        ("21/11/26", "2026-11-21"),
        ("21 November 2026", "2026-11-21"),
        ("21st of November, 2026", "2026-11-21"),
        ("Nov 21, 2026", "2026-11-21"),
        ("21 noiembrie 2026", "2026-11-21"),
        ("14:30", "14:30"),
        ("14:30:00", "14:30"),
        ("2:30 pm", "14:30"),
        ("12:30 am", "0:30"),
        ("٤٥", "45"),
        ("१२", "12"),
        ("１２", "12"),
    ],
)
def test_a_figure_has_one_value_however_it_is_written(text: str, value: str) -> None:
    assert [(found.text, found.value) for found in checkable_figures(f"It is {text}.")] == [(text, value)]


@each(
    "text",
    [
        "", "7 cats", "no figures", "1. one\n2) two\n12. twelve", "- 10. ten", "[see](#part-12)",
        "# Title {#part-12}", "at 9 pm",
    ],
)  # fmt: skip
def test_what_is_not_counted(text: str) -> None:
    assert list(checkable_figures(text)) == []


@each(
    ("reply", "source"),
    [
        ("1,234", "1234"),
        ("1.234", "exactly 1.2340"),
        ("1.234", "1234 of them"),
        ("12.5 %", "12,50"),
        ("€45", "45 EUR"),
        ("It was 45.", "045"),
        ("21.11.2026", "2026-11-21T14:30:05Z"),
        ("14:30", "2026-11-21T14:30:05Z"),
        ("2026", "21.11.2026"),
        ("11:30 pm", "23:30"),
        ("14.30", "at 14:30"),
        ("14:30", "ora 14.30"),
        ("1,200,000", "1.2 million"),
        ("1.2 million", "1200000"),
        ("1,2 mil. de lei", "1.200.000 lei"),
        ("12k", "12000"),
        ("12 000", "between 12 and 000"),
        ("03/04/2026", "April 3, 2026"),
        ("03/04/2026", "4 March 2026"),
        ("21 November 2026", "on 21 November; now it is 2026"),
        ("see https://x.org/a/1234?b=77.", "at https://x.org/a/1234?b=77"),
        ("ticket ABC-1234", "(abc-1234)"),
        ("45", "٤٥"),
        ("-45", "45"),
        ("10-20", "from 10 to 20"),
        ("5 million", "5,000,000"),
        ("mai 20 000 lei", "20000"),
    ],
)
def test_a_figure_stands_when_any_way_to_read_it_does(reply: str, source: str) -> None:
    assert ungrounded(reply, ["nothing", source]) == ()


@each(
    ("reply", "source", "expected"),
    [
        ("30", "10 and 20", ("30",)),
        ("45 and 46, and 45", "", ("45", "46")),
        ("12345", "a123456b", ("12345",)),
        ("21.12.2026", "21.11.2026 and 12", ("21.12.2026",)),
        ("14:31", "14:30, 31", ("14:31",)),
        ("5 million", "5 of 7", ("5 million",)),
        ("ABC-1235", "ABC-1234", ("1235",)),
        ("12.5", "125", ("12.5",)),
        ("1,234.5", "12345", ("1,234.5",)),
    ],
)
def test_what_stands_nowhere_is_named_once_as_it_is_written(
    reply: str, source: str, expected: tuple[str, ...]
) -> None:
    assert ungrounded(reply, [source]) == expected


def test_a_figure_stands_in_any_of_the_sources() -> None:
    assert ungrounded("45, 46, 47", iter(["45", "46"])) == ("47",)


def test_hostile_text_is_read_in_linear_time() -> None:
    assert not_linear(lambda text: ungrounded(text, [text]), HOSTILE, length=8_000) == []
