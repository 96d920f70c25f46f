"""Run the contract tests of the permanent tier on a real Letta, installed at first use."""

import argparse
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.letta.installing import install, say
from tests.letta.postgres import running_postgres
from tests.letta.server import PASSWORD, running_letta

FILES = ("tests/contract/test_permanent_store.py",)


def main() -> int:
    """Install what is missing, start the server, run the suite on it, and stop everything."""
    parser = argparse.ArgumentParser(prog="python -m tests.letta", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".letta"), help="where it is installed")
    parser.add_argument("--wait", action="store_true", help="run no tests: serve until interrupted")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with ExitStack() as stack:
        installed = install(options.folder.absolute())
        say("Starting PostgreSQL")
        database = stack.enter_context(running_postgres(installed))
        say("Starting Letta")
        url = stack.enter_context(running_letta(installed, database))
        if options.wait:
            say(f"GOAT_LETTA_URL={url} GOAT_LETTA_TOKEN={PASSWORD}; Ctrl-C stops it")
            signal.pause()
        say("Running the contract suite on it")
        return _suite(url, options.pytest or ["-p", "no:cacheprovider", *FILES])


def _suite(url: str, arguments: list[str]) -> int:
    env = {**os.environ, "GOAT_TEST_LETTA_URL": url, "GOAT_TEST_LETTA_TOKEN": PASSWORD}
    return subprocess.call([sys.executable, "-m", "pytest", "-k", "letta-real", *arguments], env=env)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
