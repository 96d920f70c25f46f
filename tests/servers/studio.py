"""The real `langgraph dev`, serving this repository's graph from a separate folder.

The folder holds the server's configuration (`goat.toml`, `.env`), its threads and its log; `graph` and
`langgraph.json` are linked into it.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from tests.servers.chroma import answers, free_port

_REPOSITORY = Path(__file__).parents[2]
_SERVED = ("langgraph.json", "graph")
_START_SECONDS = 300.0
_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.05
_OFFLINE = {
    "LANGSMITH_TRACING": "false",
    "LANGGRAPH_NO_VERSION_CHECK": "true",
    "LANGGRAPH_CLI_NO_ANALYTICS": "1",
    "NO_COLOR": "1",
}
_FOREIGN = ("GOAT_", "LANGSMITH_", "LANGCHAIN_", "LANGGRAPH_")


class StudioServer:
    """Starts and stops it; keeps its port, its folder and its log."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Serve from `folder`, with these variables and none of the machine's GOAT variables."""
        self._folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        self._environment = {**kept, **_OFFLINE, **environment}
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._log = folder / "studio.log"
        self.url = f"http://127.0.0.1:{self._port}"
        for name in _SERVED:
            (folder / name).symlink_to(_REPOSITORY / name)

    @property
    def log(self) -> str:
        """Its log, over all its starts."""
        return self._log.read_text(errors="replace") if self._log.is_file() else ""

    @property
    def token(self) -> str:
        """Its access token."""
        return (Path(self._environment["GOAT_DATA_FOLDER"]) / "studio" / "token").read_text()

    def client(self) -> LangGraphClient:
        """Return an authorised client, to be closed after use."""
        return get_client(url=self.url, api_key=self.token)

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            RuntimeError: it ended, or does not answer; with the end of its log.
        """
        command = [str(Path(sys.executable).with_name("langgraph")), *_make_studio(), "--no-reload"]
        command += ["--host", "127.0.0.1", "--port", str(self._port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not answers(f"{self.url}/ok"):
            ended = self._process.poll()
            if ended is not None or time.monotonic() > deadline:
                self.stop()
                how = "does not answer" if ended is None else f"ended with status {ended}"
                raise RuntimeError(f"langgraph dev {how}. Its log ends with:\n{self.log[-4000:]}")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Stop it as Ctrl-C does; then kill the rest of its process group."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _make_studio() -> list[str]:
    """Return the arguments with which `make studio` starts it."""
    makefile = (_REPOSITORY / "Makefile").read_text()
    (arguments,) = re.findall(r"/langgraph (dev .*) \$\(ARGS\)", makefile)
    return str(arguments).split()
