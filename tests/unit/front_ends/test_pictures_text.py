"""The pictures as text: exact, as wide as the terminal, in ASCII where it must be."""

import math

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from bot.pictures.picture_values import Curve, Mark, Point, Room, ScoreRow, Scores, Share, Words
from bot.pictures.text_pictures import curves_text, room_text, scores_text
from tests.tables import each

ROOM = Room([Share("facts", 1000), Share("conversation", 2000, 4000), Share("memory", 1, 3000)], 8000)
SCORES = Scores(
    [
        ScoreRow(number=1, date="2026-03-01", probability=0.9, kept=True, snippet="What did\nI plant?"),
        ScoreRow(number=2, date="2026-02-28", probability=0.7, kept=False, rule="small talk"),
        ScoreRow(number=3, date="2026-02-27", probability=0.0, kept=False),
    ],
    Mark(0.5, "threshold"),
)
CURVE = Curve(
    "rule", [0.0, 0.5, 1.0], [math.nan, 0.1, 0.2], [0, 0.05, 0.1], [0, 0.15, 0.3], Point(0.5, 0.1, "now")
)


def test_scores() -> None:
    assert scores_text(SCORES, width=48).splitlines() == [
        "How likely each memory matters",
        "│ threshold 50%",
        "Used (1)",
        "  1 ██████│████·  90%  2026-03-01",
        "    What did I plant?",
        "Left out (2)",
        "  2 ▒▒▒▒▒▒│▒····  70%  2026-02-28  small talk",
        "  3 ······│·····   0%  2026-02-27",
    ]


def test_room() -> None:
    assert room_text(ROOM, width=24).splitlines() == [
        "Room in the prompt: 800…",
        "███▓▓▓▓▓▓▒··············",
        "█ facts        1000",
        "▓ conversation 2000 (at…",
        "▒ memory          1 (at…",
        "· free         4999",
    ]


def test_curves() -> None:
    assert curves_text([CURVE], width=60).splitlines() == [
        "risk │ coverage; █ = 20%",
        "",
        "rule",
        " 50% ████████······· 10.0% (5.0% to 15.0%)",
        "100% ███████████████ 20.0% (10.0% to 30.0%)",
        "now: coverage 50%, risk 10.0%",
    ]


def test_ascii_alone() -> None:
    words = Words(scores="Cât de probabil ≥", kept="Folosite", cut="Lăsate…")
    for text in (
        scores_text(SCORES, words=words, ascii_only=True),
        room_text(ROOM, ascii_only=True),
        curves_text([CURVE], ascii_only=True),
    ):
        assert text.isascii()
    assert "C?t de probabil >=" in scores_text(SCORES, words=words, ascii_only=True)


@each("nasty", ["\x1b]0;owned\x07", "\u202eevil", "a\0b", "\ud83d", "\x9b31m", "\r"])
def test_nothing_steers_the_terminal(nasty: str) -> None:
    row = ScoreRow(number=1, date=nasty, probability=1, kept=True, rule=nasty, snippet=nasty)
    words = Words(scores=nasty, room=nasty, kept=nasty)
    curve = Curve(nasty, [1], [1], point=Point(1, 1, nasty))
    shown = [
        scores_text(Scores([row], Mark(1, nasty)), words=words),
        room_text(Room([Share(nasty, 1)], 1), words=words),
        curves_text([curve], coverage=nasty, risk=nasty),
    ]
    assert all(line.isprintable() for text in shown for line in text.split("\n"))
    assert all(text.encode() for text in shown)


@given(
    st.integers(10, 200),
    st.text(max_size=300),
    st.lists(st.tuples(st.floats(), st.booleans()), max_size=5),
    st.lists(st.integers(-5, 10**12), max_size=6),
    st.integers(-5, 10**12),
)
def test_no_line_is_wider_than_the_terminal(
    width: int, text: str, found: list[tuple[float, bool]], used: list[int], total: int
) -> None:
    rows = [ScoreRow(number=1, date=text, probability=p, kept=k, rule=text, snippet=text) for p, k in found]
    for shown in (
        scores_text(Scores(rows, Mark(0.5, text)), width=width),
        room_text(Room([Share(text, tokens, tokens) for tokens in used], total), width=width),
        curves_text([Curve(text, [0.5], [0.5])], width=width),
    ):
        assert all(cell_len(line) <= width for line in shown.split("\n"))
