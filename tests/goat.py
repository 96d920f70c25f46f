"""The `goat` command as its user runs it: in a pseudo-terminal, with piped input, or in this process."""

import io
import os
import pty
import re
import sys
import sysconfig
import tempfile
import termios
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pexpect
import pytest
from pexpect.fdpexpect import fdspawn

from bot.cli import main
from tests.nursery import Nursery
from tests.servers.model import ModelServer

COMMAND = Path(sysconfig.get_path("scripts")) / "goat"
SECONDS = 100.0
"""Deadline in seconds for output that takes one or two on a quiet machine."""
LINES, COLUMNS = 50, 250
CTRL_C, CTRL_D = "\x03", "\x04"
_PROMPT = r"\x1b\[\?2004h.*?\x1b\[\?25h"
"""Bracketed paste on, then the cursor shown: the prompt accepts keys."""
_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


def settings_for(data_folder: Path, model: ModelServer | None = None, **more: str) -> dict[str, str]:
    """Return the `GOAT_*` variables for a data folder and optionally a model; searches may take long."""
    patient = {"GOAT_PREFETCH_TIMEOUT": "30"}
    given = {"GOAT_DATA_FOLDER": str(data_folder), "GOAT_TIMEZONE": "UTC"} | patient | more
    if model is not None:
        given |= {"GOAT_MODEL": "test", "GOAT_MODEL_BASE_URL": model.base_url}
    return given


def quick_embeddings(model: ModelServer) -> dict[str, str]:
    """Return the `GOAT_*` variables for embeddings that load nothing."""
    return {"GOAT_EMBEDDING_MODEL": "hashed", "GOAT_EMBEDDING_BASE_URL": model.base_url}


def plain(text: str) -> str:
    """Strip control sequences from a terminal's output."""
    return _SEQUENCE.sub("", text).replace("\r", "")


class Terminal:
    """A running `goat` in a pseudo-terminal."""

    def __init__(self, nursery: Nursery, settings: Mapping[str, str], folder: Path, *words: str) -> None:
        """Run `goat chat` in `folder`, or another command; see `Nursery.begin`."""
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (LINES, COLUMNS))
        self._life = nursery.begin(
            *(words or ("goat", "chat")),
            environment=environment_for(settings),
            folder=folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            terminal=True,
        )
        os.close(theirs)
        self._child = fdspawn(ours, encoding="utf-8", timeout=SECONDS)
        self._child.delaybeforesend = None
        self._shown = io.StringIO()
        self._child.logfile_read = self._shown

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._life.kill()
        self._child.close()

    @property
    def raw(self) -> str:
        """All output so far."""
        return self._shown.getvalue()

    def until(self, pattern: str) -> str:
        """Wait for a text; return the output up to it."""
        self._child.expect(pattern)
        return plain(str(self._child.before) + str(self._child.after))

    def prompt(self) -> str:
        """Wait for the next prompt; return the output before it."""
        return self.until(_PROMPT)

    def type(self, keys: str) -> None:
        """Press keys."""
        self._child.send(keys)

    def type_bytes(self, keys: bytes) -> None:
        """Send bytes as keys."""
        os.write(self._child.child_fd, keys)

    def say(self, line: str) -> str:
        """Enter a line; return the output up to the next prompt."""
        self.type(line + "\r")
        return self.prompt()

    def until_end(self) -> tuple[int, str]:
        """Wait until the output and the process end."""
        self._child.expect(pexpect.EOF)
        return self._life.wait(), plain(str(self._child.before))


@dataclass(frozen=True, slots=True)
class Ran:
    """Result of a finished `goat`."""

    status: int
    shown: str
    """Standard output, then standard error; for a child process interleaved."""


def run_child(
    nursery: Nursery, words: Sequence[str], environment: Mapping[str, str], folder: Path, typed: bytes
) -> Ran:
    """Run a child process with `typed` as its input."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
        given.write(typed)
        given.seek(0)
        life = nursery.begin(
            *words,
            environment=environment,
            folder=folder,
            stdin=given.fileno(),
            stdout=said.fileno(),
            stderr=said.fileno(),
        )
        try:
            status = life.wait()
        finally:
            life.kill()
        said.seek(0)
        return Ran(status, said.read().decode())


class Goat:
    """Runs `goat` in this process, which saves a start; each call opens its own stores."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self._patch = monkeypatch
        self._captured = capfd

    def configure(self, settings: Mapping[str, str]) -> None:
        """Set `GOAT_*` variables for later calls."""
        for name, value in settings.items():
            self._patch.setenv(name, value)

    def __call__(self, *args: str, typed: bytes = b"") -> Ran:
        """Run the command with `typed` as its input."""
        status = 0
        with self._patch.context() as patch:
            patch.setattr(sys, "argv", ["goat", *args])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed)))
            self._captured.readouterr()
            try:
                main()
            except SystemExit as end:
                status = int(end.code or 0)
        shown = self._captured.readouterr()
        return Ran(status, shown.out + shown.err)


def environment_for(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the machine's environment without its GOAT configuration and terminal size."""
    own = {name: value for name, value in os.environ.items() if not _is_configured(name)}
    terminal = {"TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1", "PYTHONUNBUFFERED": "1"}
    return own | terminal | dict(settings)


def _is_configured(name: str) -> bool:
    return name.upper().startswith("GOAT_") or name in {"COLUMNS", "LINES"}
