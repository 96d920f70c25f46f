"""Run the contract tests of the permanent tier on a real Letta, installed at first use."""

import argparse
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.letta.installing import install, say
from tests.letta.server import PASSWORD, running_letta, running_postgres

SUITE = ("-p", "no:cacheprovider", "tests/contract/test_permanent_store.py")


def main() -> int:
    """Install what is missing, start the servers, run the suite on them, and stop everything."""
    parser = argparse.ArgumentParser(prog="python -m tests.letta", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".letta"), help="where it is installed")
    parser.add_argument("--wait", action="store_true", help="run no tests: serve until interrupted")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with ExitStack() as stack:
        installed = install(options.folder.absolute())
        url = stack.enter_context(running_letta(installed, stack.enter_context(running_postgres(installed))))
        if options.wait:
            say(f"GOAT_LETTA_URL={url} GOAT_LETTA_TOKEN={PASSWORD}; Ctrl-C stops it")
            signal.pause()
        env = {**os.environ, "GOAT_TEST_LETTA_URL": url, "GOAT_TEST_LETTA_TOKEN": PASSWORD}
        tests = [sys.executable, "-m", "pytest", "-k", "letta-real", *(options.pytest or SUITE)]
        return subprocess.call(tests, env=env)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
