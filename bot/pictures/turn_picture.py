"""The picture of a turn: the scores of its memories, and its prompt."""

from matplotlib.figure import Figure

from bot.pictures.canvas import MARGIN, Canvas, png, style
from bot.pictures.palette import LIGHT, Palette
from bot.pictures.picture_values import Room, Scores, Words
from bot.pictures.score_chart import ROWS, draw_scores
from bot.pictures.share_chart import draw_room


def turn_figure(
    scores: Scores | None,
    room: Room | None,
    *,
    palette: Palette = LIGHT,
    words: Words | None = None,
    most: int = ROWS,
) -> Figure:
    """Draw the scores above the shares; either may be None."""
    with style():
        canvas, texts = Canvas(palette), words or Words()
        if scores is not None:
            draw_scores(canvas, scores, texts, most)
        if scores is not None and room is not None:
            canvas.y += 2 * MARGIN
        if room is not None:
            draw_room(canvas, room, texts)
        return canvas.figure()


def turn_png(scores: Scores | None, room: Room | None, *, palette: Palette, words: Words) -> bytes:
    """Draw a turn as a PNG."""
    return png(turn_figure(scores, room, palette=palette, words=words))
