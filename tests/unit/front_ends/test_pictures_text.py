"""Bars as text: exact, as wide as the terminal, in ASCII where it must be."""

from hypothesis import given, strategies as st
from rich.cells import cell_len

from bot.pictures.picture_values import LayerShare, Mark, Room, ScoreRow, Words
from bot.pictures.text_pictures import ASCII, UNICODE, mark_text, room_text, score_bar, to_ascii
from tests.tables import each

ROOM = Room(
    [LayerShare("facts", 1000), LayerShare("conversation", 2000, 4000), LayerShare("memory", 1, 3000)], 8000
)
MARK = Mark(0.5, "threshold")


def row(probability: float, *, kept: bool = True) -> ScoreRow:
    return ScoreRow(number=1, date="2026-03-01", probability=probability, kept=kept)


@each(
    ("probability", "kept", "bar"),
    [(0.9, True, "██████│████·  90%"), (0.7, False, "▒▒▒▒▒▒│▒····  70%"), (0.0, False, "······│·····   0%")],
)
def test_scores(probability: float, kept: bool, bar: str) -> None:
    assert score_bar(row(probability, kept=kept), MARK, UNICODE, 12) == bar


def test_room() -> None:
    assert room_text(ROOM, UNICODE, width=24, words=Words()).splitlines() == [
        "Room in the prompt: 800…",
        "███▓▓▓▓▓▓▒··············",
        "█ facts        1000",
        "▓ conversation 2000 (at…",
        "▒ memory          1 (at…",
        "· free         4999",
    ]


def test_ascii_alone() -> None:
    for text in (
        score_bar(row(0.9), MARK, ASCII, 12),
        mark_text(MARK, ASCII),
        room_text(ROOM, ASCII, width=80, words=Words()),
    ):
        assert text.isascii()
    assert to_ascii("Cât de probabil ≥…") == "C?t de probabil >=..."


@given(
    st.integers(10, 200),
    st.text(max_size=300).filter(str.isprintable),
    st.tuples(st.floats(), st.booleans()),
    st.lists(st.integers(-5, 10**12), max_size=6),
    st.integers(-5, 10**12),
)
def test_no_line_is_wider_than_the_terminal(
    width: int, text: str, found: tuple[float, bool], used: list[int], total: int
) -> None:
    assert len(score_bar(row(found[0], kept=found[1]), MARK, UNICODE, width)) == width + 5
    room = Room([LayerShare(text, tokens, tokens) for tokens in used], total)
    for line in room_text(room, UNICODE, width=width, words=Words()).split("\n"):
        assert cell_len(line) <= width
