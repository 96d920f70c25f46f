"""`python -m tests.pictures` writes pictures of a turn, a terminal and a plot into `docs/images/`."""

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from bot.lab.bench.committed_figures import committed_results, curve
from bot.lab.bench.race import OURS
from bot.lab.curves import curves_figure
from bot.pictures.canvas import png
from bot.pictures.picture_values import PALETTES, Palette
from bot.pictures.turn_picture import turn_figure
from tests.pictures.terminal import terminal_figure
from tests.pictures.told import turn_of_a_conversation
from tests.readme import record
from tests.terminal_session import COMMANDS

IMAGES = Path(__file__).parents[2] / "docs" / "images"


def main() -> None:
    """Write each picture in each palette."""
    for name in [name for name in os.environ if name.startswith("GOAT_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as folder:
        scores, room = asyncio.run(turn_of_a_conversation(Path(folder)))
    IMAGES.mkdir(parents=True, exist_ok=True)
    _write("why", lambda palette: turn_figure(scores, room, palette=palette))
    shown = record(COMMANDS)
    _write("terminal", lambda palette: terminal_figure(shown, palette))
    _write("notebook", _notebook)


def _notebook(palette: Palette) -> Figure:
    """Draw the risk-coverage plot of notebook 06."""
    curves = [curve(committed_results(), bench, OURS, bench) for bench in ("LoCoMo", "LongMemEval")]
    return curves_figure(curves, title="What a threshold costs; the rings are the default", palette=palette)


def _write(name: str, draw: Callable[[Palette], Figure]) -> None:
    for palette in PALETTES:
        (IMAGES / f"{name}-{palette.name}.png").write_bytes(png(draw(palette)))


if __name__ == "__main__":
    main()
