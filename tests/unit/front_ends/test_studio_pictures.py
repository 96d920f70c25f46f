"""The pictures of docs/studio.md are there, in light and dark."""

import re
from pathlib import Path

from bot.pictures.picture_values import PALETTES

DOCS = Path(__file__).parents[3] / "docs"
MOST_BYTES = 200_000


def test_the_pictures_of_the_page_are_there_in_light_and_dark_and_small() -> None:
    named = re.findall(r'"(images/studio-[\w-]+\.png)"', (DOCS / "studio.md").read_text("utf-8"))
    assert len(named) == 2 * len(PALETTES)
    for name in named:
        assert 0 < (DOCS / name).stat().st_size < MOST_BYTES
