"""The pictures of docs/studio.md: drawn from what a server gives, and there."""

import re
from pathlib import Path

from bot.pictures.canvas import png
from bot.pictures.palette import LIGHT, PALETTES
from graph.studio.studio_graph import graph
from tests.pictures.studio_drawing import graph_figure

DOCS = Path(__file__).parents[3] / "docs"
MOST_BYTES = 200_000


def test_the_graph_is_drawn_with_every_node_and_the_three_mechanisms() -> None:
    figure = graph_figure(graph().get_graph().to_json(), LIGHT)
    texts = " ".join(text.get_text() for axes in figure.axes for text in axes.texts)
    for name in (*graph().builder.nodes, "thematic", "temporal", "key"):
        assert name in texts
    assert png(figure).startswith(b"\x89PNG")


def test_the_pictures_of_the_page_are_there_in_light_and_dark_and_small() -> None:
    named = re.findall(r'"(images/studio-[\w-]+\.png)"', (DOCS / "studio.md").read_text("utf-8"))
    assert len(named) == 3 * len(PALETTES)
    for name in named:
        assert 0 < (DOCS / name).stat().st_size < MOST_BYTES
