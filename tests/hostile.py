"""Run the suite beside busy loops: its verdict must not depend on the machine's speed.

`python -m tests.hostile COMMAND...` runs a command five times beside six loops, and exits with 1 if it
failed.
"""

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

LOOP = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(100_000))"
"""Program that is busy until its parent ends."""
_LAST_LINES = 40
_REPORT = re.compile("=+ (FAILURES|ERRORS) =+")
"""The headings in pytest's output from which a failed run is printed."""


@contextlib.contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Run busy processes during the block."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            loop = stack.enter_context(subprocess.Popen([sys.executable, "-c", LOOP]))
            stack.callback(loop.kill)
        yield


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command repeatedly, print a line for each run, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--loops", type=int, default=6)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it also ends the loops
    failed = 0
    with busy_loops(options.loops):
        for number in range(1, options.runs + 1):
            failed += not passed(options.command, f"run {number} of {options.runs}")
    return 1 if failed else 0


def passed(command: Sequence[str], name: str) -> bool:
    """Run the command once; print its result, after the failures or the last lines if it failed."""
    began = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    said = done.stdout.splitlines()
    if done.returncode:
        reported = (place for place, line in enumerate(said) if _REPORT.fullmatch(line))
        first = next(reported, max(len(said) - _LAST_LINES, 0))
        sys.stdout.write("\n".join(said[first:]) + "\n")
    verdict = said[-1] if said else f"exit code {done.returncode}"
    load = os.getloadavg()[0]
    sys.stdout.write(f"{name}: {verdict}, {time.monotonic() - began:.0f} s, load {load:.0f}\n")
    sys.stdout.flush()
    return done.returncode == 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
