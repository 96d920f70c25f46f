"""The list of bugs, with checks that each can still be planted."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("bugs.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """A small change of one file that tests have to catch."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    """Files of the default suite, or tests in them where a file takes long."""

    def plant(self, tree: Path) -> None:
        """Change the file of a tree.

        Raises:
            ValueError: the change fits no place in it, or more than one.
        """
        if wrong := problem(self, tree):
            raise ValueError(wrong)
        self._write(tree, (tree / self.file).read_text("utf-8").replace(self.old, self.new))

    def remove(self, tree: Path) -> None:
        """Change the file back."""
        self._write(tree, (ROOT / self.file).read_text("utf-8"))

    def _write(self, tree: Path, text: str) -> None:
        """Write the file, and delete its bytecode, which is checked only by size and whole seconds."""
        path = tree / self.file
        path.write_text(text, encoding="utf-8")
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
            compiled.unlink()


def read_bugs() -> list[Bug]:
    """Read the list."""
    entries = tomllib.loads(LIST.read_text("utf-8"))["bug"]
    return [Bug(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries]


def problem(bug: Bug, tree: Path = ROOT) -> str:
    """Return why a bug cannot be planted; empty when it can."""
    path = tree / bug.file
    times = path.read_text("utf-8").count(bug.old) if path.is_file() else 0
    if times != 1:
        return f"{bug.name}: its old text stands {times} times in {bug.file}"
    missing = [test for test in bug.tests if not _is_there(test, tree)]
    return f"{bug.name}: there is no {missing[0]}" if missing else ""


def _is_there(test: str, tree: Path) -> bool:
    """Return whether a test file exists, or a test in it."""
    file, _, name = test.partition("::")
    path = tree / file
    return path.is_file() and (not name or f"def {name.rpartition('::')[2]}(" in path.read_text("utf-8"))


def tests_of(bugs: Iterable[Bug]) -> list[str]:
    """Return the test files that bugs name, each once."""
    return sorted({test for bug in bugs for test in bug.tests})
