"""Pictures in a notebook: figures as PNG, and those of a finished turn."""

from IPython.display import Image
from matplotlib.figure import Figure

from bot.pictures.canvas import png
from bot.pictures.turn_picture import turn_figure
from bot.presentation.turn_pictures import picture_of
from graph.explain.explanation import Explanation, explain
from graph.state.turn_state import State

_TEXT = 90
"""Characters of a memory that are shown."""


def picture(figure: Figure) -> Image:
    """Return a figure as a cell shows it."""
    return Image(png(figure))  # type: ignore[no-untyped-call]


def memories_figure(state: State, most: int = 10) -> Figure:
    """Draw a turn's best `most` memories with their probabilities and the threshold."""
    scores, _ = picture_of(
        _explained(state), lambda at: f"{at:%Y-%m-%d %H:%M}", snippet=lambda text: text[:_TEXT]
    )
    return turn_figure(scores, None, most=most)


def budget_figure(state: State) -> Figure:
    """Draw how a turn's budget was divided."""
    _, room = picture_of(_explained(state), str, snippet=str)
    return turn_figure(None, room)


def _explained(state: State) -> Explanation:
    explained = explain(state)
    if explained is None:
        raise ValueError("the turn has no decisions yet")
    return explained
