"""Drawing on a thread, one picture at a time, with matplotlib loaded for the first."""

import asyncio
import logging
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

from bot.pictures.picture_values import DARK, Palette, Room, Scores, Words
from graph.settings.extras import missing_message

_SETTING = "MPLCONFIGDIR"
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Painter:
    """Draws optional pictures: failures are logged, and the picture is omitted."""

    folder: Path
    """Folder of matplotlib's font list, unless MPLCONFIGDIR is set."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    async def turn(self, scores: Scores, room: Room, words: Words, palette: Palette = DARK) -> bytes | None:
        """Return the picture of a turn as a PNG; the dark palette suits light and dark chats."""
        return await asyncio.to_thread(self._turn, scores, room, words, palette)

    def _turn(self, scores: Scores, room: Room, words: Words, palette: Palette) -> bytes | None:
        with self._lock:
            try:
                self._make_folder()
                from bot.pictures.turn_picture import turn_png  # noqa: PLC0415 - matplotlib is an extra

                return turn_png(scores, room, palette=palette, words=words)
            except ModuleNotFoundError:
                logger.warning("The picture of a turn was not drawn. %s", missing_message("pictures"))
                return None
            except (ImportError, OSError, RuntimeError, ValueError) as error:
                logger.warning("The picture of a turn was not drawn: %s", error)
                return None

    def _make_folder(self) -> None:
        """Set matplotlib's folder, because the home folder may be read-only."""
        if not os.environ.get(_SETTING):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.environ[_SETTING] = str(self.folder)
