"""Where a terminal is: whose, in which thread, with what was typed before."""

import contextlib
import uuid
from dataclasses import dataclass
from pathlib import Path

from prompt_toolkit.history import FileHistory

from graph.state.thread_ids import thread_id
from memory.owners.owner_key import owner_key
from memory.text.text import clean
from memory.working.server_folder import folder_error


@dataclass(slots=True)
class TerminalPlace:
    """Where in the agent's conversations this terminal is."""

    owner: str
    thread: str
    folder: Path
    """Holds the history of what was typed, and the name of the latest thread."""

    @property
    def _latest(self) -> Path:
        return self.folder / f"{owner_key(self.owner)}.thread"

    def begin(self, name: str = "") -> None:
        """Begin the thread of that name, or a new one, and note it as the latest."""
        self.go_to(thread_id("terminal", self.owner, name or uuid.uuid4().hex))

    def go_on(self) -> None:
        """Go on in the latest thread; without one, or when its note cannot be read, begin."""
        if thread := self.latest():
            self.thread = thread
        else:
            self.begin()

    def latest(self) -> str:
        """Return the latest thread; empty without one, or when its note cannot be read."""
        try:
            return str(uuid.UUID(self._latest.read_text(encoding="utf-8").strip()))
        except (OSError, ValueError):
            return ""

    def go_to(self, thread: str) -> None:
        """Be in a thread, and note it as the latest.

        Raises:
            DataFolderError: the note cannot be written.
        """
        self.thread = thread
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._latest.write_text(thread, encoding="utf-8")
        except OSError as error:
            raise folder_error(self.folder.parent, error) from None

    def history(self) -> FileHistory:
        """What was typed, in this and in earlier runs; for the owner's eyes only.

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
    """What was typed, in a file; a line that the disk has no room for is answered all the same."""

    def store_string(self, string: str) -> None:
        """Add a line."""
        with contextlib.suppress(OSError):
            super().store_string(clean(string))
