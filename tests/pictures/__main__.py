"""`python -m tests.pictures` writes the pictures of a turn, light and dark, into `docs/images/`."""

import asyncio
import os
import tempfile
from pathlib import Path

from bot.pictures.canvas import png
from bot.pictures.palette import PALETTES
from bot.pictures.turn import turn_figure
from tests.pictures.told import turn_of_a_conversation

IMAGES = Path(__file__).parents[2] / "docs" / "images"


def main() -> None:
    """Write one picture for each palette."""
    for name in [name for name in os.environ if name.startswith("GOAT_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as folder:
        scores, room = asyncio.run(turn_of_a_conversation(Path(folder)))
    IMAGES.mkdir(parents=True, exist_ok=True)
    for palette in PALETTES:
        figure = turn_figure(scores, room, palette=palette)
        (IMAGES / f"why-{palette.name}.png").write_bytes(png(figure))


if __name__ == "__main__":
    main()
