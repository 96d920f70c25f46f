"""Plant each bug in a copy of the tree, and run the tests that have to catch it.

`python -m tests.planted` plants all of them, `python -m tests.planted lease fence` those with these words in
their names. Exits with 1 when a bug is missed, or can no longer be planted.
"""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.planted.bugs import ROOT, Bug, problem, read_bugs, tests_of

_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.sqlite")
_LAST_LINES = 15


def main(arguments: Sequence[str] | None = None) -> int:
    """Plant the bugs, print the result of each, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.planted", description=__doc__)
    parser.add_argument("words", nargs="*", help="plant only bugs whose names hold one of these")
    words = parser.parse_args(arguments).words
    bugs = [bug for bug in read_bugs() if not words or any(word in bug.name for word in words)]
    console = Console(stderr=True)
    if wrong := [said for bug in bugs if (said := problem(bug))]:
        console.print("\n".join(wrong), markup=False)
        return 1
    with copied_tree() as tree:
        missed = planted(bugs, tree, console)
    console.print(f"{len(bugs) - missed} of {len(bugs)} planted bugs are caught.")
    return 1 if missed or not bugs else 0


def planted(bugs: Sequence[Bug], tree: Path, console: Console) -> int:
    """Plant bugs in turn; return how many are not caught."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    missed = 0
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("without any", total=len(bugs) + 1)
        code, said = run([*tests_of(bugs), "-n", "2"], tree)
        if code != pytest.ExitCode.OK:
            console.print(f"Without any bug these tests fail already:\n{said}", markup=False)
        for bug in bugs:
            progress.update(task, description=bug.name[:50], advance=1)
            verdict = told(bug, tree, said)
            if verdict:
                missed += 1
                console.print(f"{bug.name} ({bug.file}): {verdict}", markup=False)
        progress.update(task, description="done", advance=1)
    return missed


def told(bug: Bug, tree: Path, without: str) -> str:
    """Describe why a bug is not caught; `without` is the tests' output without it."""
    if any(f"FAILED {test}" in without for test in bug.tests):
        return "its tests fail without it"
    bug.plant(tree)
    code, said = run(["-x", *bug.tests], tree)
    bug.remove(tree)
    if code == pytest.ExitCode.TESTS_FAILED:
        return ""
    return "missed" if code == pytest.ExitCode.OK else f"no test ran:\n{said}"


def run(arguments: Sequence[str], tree: Path) -> tuple[int, str]:
    """Run tests in a tree; return the exit code and the end of the output."""
    environment = os.environ | {"PYTHONPATH": str(tree)}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, "\n".join((done.stdout + done.stderr).splitlines()[-_LAST_LINES:])


@contextlib.contextmanager
def copied_tree() -> Iterator[Path]:
    """Copy the working tree to a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="goat-planted-") as folder:
        tree = Path(folder) / "goat"
        shutil.copytree(ROOT, tree, ignore=_LEFT_OUT)
        yield tree


if __name__ == "__main__":
    sys.exit(main())
