"""The Letta server, with a password, on a free loopback port."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.letta.installing import Installed, say
from tests.servers.chroma import free_port

SECONDS = 300.0
PASSWORD = "only-for-tests"


@contextmanager
def running_letta(installed: Installed, database: str) -> Iterator[str]:
    """Run the server until the block ends; yield its URL."""
    port = free_port()
    process = _start(installed, database, port)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(installed, process, url)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _start(installed: Installed, database: str, port: int) -> subprocess.Popen[bytes]:
    home = installed.folder / "home"
    home.mkdir(exist_ok=True)
    env = {
        "HOME": str(home),
        "LETTA_DIR": str(home / ".letta"),
        "LETTA_PG_URI": f"{database}?sslmode=disable",
        "LETTA_SERVER_SECURE": "true",
        "LETTA_SERVER_PASSWORD": PASSWORD,
    }
    with (installed.folder / "letta.log").open("wb") as log:
        return subprocess.Popen(
            [installed.script("letta"), "server", "--host", "127.0.0.1", "--port", str(port)],
            env={**os.environ, **env}, cwd=home,
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip


def _wait(installed: Installed, process: subprocess.Popen[bytes], url: str) -> None:
    began, told = time.monotonic(), 0.0
    while not _healthy(url):
        waited = time.monotonic() - began
        if process.poll() is not None or waited > SECONDS:
            sys.exit(f"Letta did not start; see {installed.folder / 'letta.log'}")
        if waited - told >= 15:
            told = waited
            say(f"still starting after {waited:.0f} s")
        time.sleep(0.3)
    say(f"healthy after {time.monotonic() - began:.0f} s at {url}")


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/v1/health/", timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
