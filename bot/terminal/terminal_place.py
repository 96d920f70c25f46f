"""A terminal's place: its owner, its thread and its input history."""

import contextlib
import uuid
from dataclasses import dataclass
from pathlib import Path

from prompt_toolkit.history import FileHistory

from graph.state.circumstances import thread_id
from memory.owners.owner_tables import owner_key
from memory.text.text import clean
from memory.working.server_folder import folder_error


@dataclass(slots=True)
class TerminalPlace:
    """The owner and the thread of this terminal."""

    owner: str
    thread: str
    folder: Path
    """Holds the input history, and the id of the latest thread."""

    @property
    def _latest(self) -> Path:
        return self.folder / f"{owner_key(self.owner)}.thread"

    def begin(self, name: str = "") -> None:
        """Begin the named thread, or a new one, and save it as the latest.

        Raises:
            DataFolderError: it cannot be saved.
        """
        self.thread = thread_id("terminal", self.owner, name or uuid.uuid4().hex)
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._latest.write_text(self.thread, encoding="utf-8")
        except OSError as error:
            raise folder_error(self.folder.parent, error) from None

    def resume(self) -> None:
        """Continue the latest thread; begin a new one if none is saved or readable."""
        if thread := self.latest():
            self.thread = thread
        else:
            self.begin()

    def latest(self) -> str:
        """Return the latest thread; "" if none is saved or readable."""
        try:
            return str(uuid.UUID(self._latest.read_text(encoding="utf-8").strip()))
        except (OSError, ValueError):
            return ""

    def history(self) -> FileHistory:
        """Return the input history of this and earlier runs, in a file that only the user can read.

        Raises:
            DataFolderError: it cannot be written.
        """
        path = self.folder / f"{owner_key(self.owner)}.history"
        try:
            path.touch(mode=0o600)
        except OSError as error:
            raise folder_error(self.folder.parent, error) from None
        return History(str(path))


class History(FileHistory):
    """Input history in a file; a full disk loses a line of history, but not the turn."""

    def store_string(self, string: str) -> None:
        with contextlib.suppress(OSError):
            super().store_string(clean(string))
