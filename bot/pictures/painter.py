"""Draw beside the event loop, one picture at a time; matplotlib is loaded for the first one."""

import asyncio
import logging
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

from bot.pictures.palette import DARK, Palette
from bot.pictures.picture_values import Room, Scores, Words
from graph.settings.extras import is_missing

_SETTING = "MPLCONFIGDIR"
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Painter:
    """Draws for people who wait for something else as well: what cannot be drawn is logged and left out."""

    folder: Path
    """Where matplotlib keeps its list of fonts, unless the user has set where."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    async def turn(self, scores: Scores, room: Room, words: Words, palette: Palette = DARK) -> bytes | None:
        """Return the picture of a turn as a PNG; the dark one reads in light chats and in dark ones."""
        return await asyncio.to_thread(self._turn, scores, room, words, palette)

    def _turn(self, scores: Scores, room: Room, words: Words, palette: Palette) -> bytes | None:
        with self._lock:
            try:
                self._make_folder()
                from bot.pictures.turn_picture import turn_png  # noqa: PLC0415 - matplotlib is an extra

                return turn_png(scores, room, palette=palette, words=words)
            except ModuleNotFoundError:
                logger.warning("The picture of a turn was not drawn. %s", is_missing("pictures"))
                return None
            except (ImportError, OSError, RuntimeError, ValueError) as error:
                logger.warning("The picture of a turn was not drawn: %s", error)
                return None

    def _make_folder(self) -> None:
        """Keep matplotlib out of a home folder that it may not write to."""
        if not os.environ.get(_SETTING):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.environ[_SETTING] = str(self.folder)
