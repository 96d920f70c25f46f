"""What the pictures show: whatever is in the values, in words and shapes, in light and dark."""

import io
import math
from itertools import combinations

import pytest
from hypothesis import given, strategies as st
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from PIL import Image

from bot.pictures.canvas import WIDTH, png, to_drawable, truncate, width_of
from bot.pictures.picture_values import (
    DARK,
    HATCHES,
    LIGHT,
    LINES,
    MARKERS,
    PALETTES,
    LayerShare,
    Mark,
    Palette,
    Room,
    ScoreRow,
    Scores,
    Words,
)
from bot.pictures.turn_picture import ROWS, turn_figure
from tests.tables import each

THRESHOLD = Mark(0.5, "threshold")
ROOM = Room(
    [LayerShare("facts", 300), LayerShare("conversation", 1200, 4000), LayerShare("memory", 500, 3000)], 8000
)
HOSTILE = [
    "a\0b\nc\u202ed, lone \ud83d surrogate",
    "$a_b$ \\frac{x}{ 买牛奶 😀👍🏽 العربية שלום \u2066\u2069\u200d" + "x" * 300,
    "",
]


def row(number: int, probability: float, *, kept: bool | None = None, **more: str) -> ScoreRow:
    is_kept = probability >= 0.5 if kept is None else kept
    return ScoreRow(number=number, date="2026-03-01 14:00", probability=probability, kept=is_kept, **more)


def scores(*probabilities: float, mark: Mark | None = THRESHOLD) -> Scores:
    return Scores([row(number, p) for number, p in enumerate(probabilities, start=1)], mark)


def texts(figure: Figure) -> list[str]:
    return [text for found in figure.findobj(Text) if isinstance(found, Text) and (text := found.get_text())]


def bars(figure: Figure, label: str) -> list[Rectangle]:
    return [bar for bar in figure.axes[0].patches if isinstance(bar, Rectangle) and bar.get_label() == label]


def image(figure: Figure) -> Image.Image:
    return Image.open(io.BytesIO(png(figure)))


def apart(figure: Figure) -> bool:
    """Say whether no text lies on another one, and all are within the picture."""
    figure.draw_without_rendering()
    shown = [text for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text()]
    boxes = [text.get_window_extent() for text in shown]
    inside = all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 + 1 for box in boxes)
    return inside and not any(one.overlaps(other) for one, other in combinations(boxes, 2))


class TestScores:
    def test_kept_and_cut_stand_under_their_names(self) -> None:
        shown = texts(turn_figure(scores(0.9, 0.8, 0.2), None))
        assert shown[:2] == ["How likely each memory matters", "threshold 50%"]
        assert shown[2:] == [
            *["Used (2)", "1", "2026-03-01 14:00", "90%", "2", "2026-03-01 14:00", "80%"],
            *["Left out (1)", "3", "2026-03-01 14:00", "20%"],
            *["0%", "50%", "100%"],
        ]

    def test_the_mark_stands_in_each_bar_and_above(self) -> None:
        lines = turn_figure(scores(0.9, 0.2), None).axes[0].lines
        assert len([line for line in lines if line.get_color() == LIGHT.mark]) == 4
        assert not turn_figure(scores(0.9, mark=None), None).axes[0].lines

    def test_what_is_too_much_is_counted(self) -> None:
        shown = texts(turn_figure(scores(0.9, *[0.2] * (ROWS + 9)), None))
        assert f"Left out ({ROWS + 9})" in shown
        assert "and more that were found: 10" in shown
        assert f"{ROWS}" in shown
        assert f"{ROWS + 1}" not in shown


class TestRoom:
    def test_each_share_has_its_name_and_numbers(self) -> None:
        assert texts(turn_figure(None, ROOM)) == [
            *["Room in the prompt: 8000 tokens", "tokens", "at most", "facts", "300"],
            *["conversation", "1200", "4000", "memory", "500", "3000", "free", "6000"],
        ]

    def test_more_than_there_was_room_for_fits_into_the_bar(self) -> None:
        figure = turn_figure(None, Room([LayerShare("facts", 6000), LayerShare("memory", 6000, 100)], 8000))
        assert max(bar.get_x() + bar.get_width() for bar in bars(figure, "memory")) <= WIDTH
        assert "0" in texts(figure)


@pytest.mark.parametrize("palette", PALETTES)
class TestEverywhere:
    def test_no_text_lies_on_another(self, palette: Palette) -> None:
        rule = "mult mai puțin probabilă decât cele dinainte: 0.20 < 0.50"
        dated = ScoreRow(number=100, date="Sun 2026-03-01 14:00", probability=1, kept=True, rule=rule)
        for mark in (0.0, 0.5, 1.0):
            named = Mark(mark, "the list breaks at")
            assert apart(turn_figure(Scores([dated, row(2, 0.2)], named), ROOM, palette=palette))
        large = LayerShare("caracter și lucruri notate", 123_456_789, 123_456_789)
        assert apart(turn_figure(None, Room([large], 987_654_321), palette=palette))

    def test_colours_can_be_read(self, palette: Palette) -> None:
        for colour in (palette.text, palette.dim, palette.mark):
            assert contrast(colour, palette.ground) >= 4.5
        for colour in (palette.kept, palette.cut, *palette.series):
            assert contrast(colour, palette.ground) >= 3
        assert len(palette.series) == len(HATCHES) == len(LINES) == len(MARKERS)

    def test_a_picture_is_small(self, palette: Palette) -> None:
        figure = turn_figure(scores(*(1 - n / 200 for n in range(200))), ROOM, palette=palette)
        made = image(figure)
        assert made.width == WIDTH
        assert made.height < 2400
        assert len(png(figure)) < 100_000
        assert made.info.keys() <= {"dpi"}
        assert made.convert("RGB").getpixel((0, 0)) == rgb(palette.ground)


def test_a_picture_that_is_too_large_is_made_smaller() -> None:
    assert sum(image(Figure((8, 400))).size) <= 9_000


@each("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_are_drawn(text: str) -> None:
    hostile = ScoreRow(number=10**20, date=text, probability=math.nan, kept=False, rule=text, snippet=text)
    words = Words(scores=text, kept=text, cut=text, room=text, left=text, used=text, limit=text, more=text)
    room = Room([LayerShare(text, 10**30, 10**30), LayerShare(text, -5)], -1)
    shown = Scores([hostile] * 3, Mark(math.inf, text))
    assert png(turn_figure(shown, room, words=words, palette=DARK, most=2))


def test_dollars_are_no_formulas() -> None:
    assert "$a_b$ 90%" in texts(turn_figure(Scores([row(1, 0.9)], Mark(0.9, "$a_b$")), None))


@each(
    ("text", "shown"),
    [
        ("买牛奶 today", "… today"),
        ("a 日本 語 b", "a … b"),
        ("ok 👍🏽!", "ok !"),
        ("\u202eevil\u2066\0x", "evil x"),
        ("a\n\tb", "a b"),
        ("ș ț ă î â", "ș ț ă î â"),
        ("\ud83d", ""),
    ],
)
def test_what_the_font_lacks_is_left_out(text: str, shown: str) -> None:
    assert to_drawable(text) == shown


@given(st.text(max_size=200), st.floats(20, 300))
def test_a_text_fits_its_room(text: str, room: float) -> None:
    assert width_of(truncate(to_drawable(text), 20, room), 20) <= max(room, width_of("…", 20))


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG 2 defines it, from 1 to 21."""
    darker, lighter = sorted(map(_luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [part / 255 for part in rgb(colour)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
