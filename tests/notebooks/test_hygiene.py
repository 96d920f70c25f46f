"""Notebooks are committed with outputs, name no machine, import from `bot.lab`, and are short."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from bot.lab import MODULES
from tests.notebooks.executing import notebooks
from tests.notebooks.outputs import WIDGET_VIEW, clean, text_difference

NUMBERS = {"01", "02", "03", "04", "05", "06"}
MOST_LINES = 20
"""Of code in a cell; what is longer belongs into the packages."""
MACHINE = re.compile(r"/(?:home|root|Users|work|tmp)/|[A-Z]:\\\\|GOAT_[A-Z_]*KEY\s*=")
OURS = ("bot", "graph", "memory", "nodes", "tests")
NEEDED = re.compile(r"\btakes?\b.*\b(?:seconds?|minutes?)\b", re.IGNORECASE | re.DOTALL)


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def code(notebook: Any) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_notebooks() -> None:
    assert {path.name[:2] for path in notebooks()} == NUMBERS


def _texts(notebook: Any) -> Iterator[str]:
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            yield output.get("text", "")
            yield from (value for kind, value in output.get("data", {}).items() if kind.startswith("text"))


def _imports(notebook: Any) -> Iterator[tuple[str, set[str]]]:
    for source in code(notebook):
        for node in ast.walk(compile(source, "", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)):
            if isinstance(node, ast.ImportFrom):
                yield node.module or "", {alias.name for alias in node.names}
            elif isinstance(node, ast.Import):
                yield from ((alias.name, set[str]()) for alias in node.names)


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
class TestNotebook:
    """Each notebook."""

    def test_it_is_valid_and_for_any_python(self, path: Path) -> None:
        notebook = read(path)
        nbformat.validate(notebook)
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
        assert notebook.metadata.kernelspec.name == "python3"
        assert all(cell.id for cell in notebook.cells)

    def test_its_outputs_can_be_read_where_they_lie(self, path: Path) -> None:
        notebook = read(path)
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
        assert any("image/png" in output.get("data", {}) for cell in cells for output in cell.outputs)
        assert path.stat().st_size < 1_000_000

    def test_its_outputs_hold_nothing_of_the_run(self, path: Path) -> None:
        text, notebook = path.read_text("utf-8"), read(path)
        assert MACHINE.findall("\n".join(_texts(notebook))) == []
        assert WIDGET_VIEW not in text
        again = read(path)
        clean(again)
        assert again == notebook

    def test_it_imports_from_the_lab_alone(self, path: Path) -> None:
        imports = list(_imports(read(path)))
        assert imports
        for module, names in imports:
            assert module.partition(".")[0] not in OURS or module == "bot.lab", module
            assert module != "bot.lab" or names <= MODULES.keys(), names

    def test_it_says_first_what_it_needs_and_how_long_it_takes(self, path: Path) -> None:
        first = read(path).cells[0]
        assert first.cell_type == "markdown"
        assert first.source.startswith("# ")
        assert NEEDED.search(first.source)

    def test_it_names_no_machine(self, path: Path) -> None:
        assert MACHINE.findall("\n".join(cell.source for cell in read(path).cells)) == []

    def test_its_code_is_short_and_can_be_read(self, path: Path) -> None:
        sources = code(read(path))
        assert sources
        for source in sources:
            compile(source, path.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)
            assert len(source.splitlines()) <= MOST_LINES, source


@pytest.mark.parametrize(
    ("was", "found", "differs"),
    [
        ("recall 0.80 of 120", "recall 0.84 of 121", False),
        ("recall 0.80 of 120", "recall 0.95 of 120", True),
        ("recall 0.80 of 120", "recall 0.80 of 150", True),
        ("Ioana, 3 March", "Maria, 3 March", True),
        ("<A at 0x7f00aa11bb>", "<A at 0x7f00aa11cc>", False),
        ("gain -0.05", "gain +0.05", True),
        ("recall  5.18   of", "recall  5.293  of", False),
    ],
)
def test_figures_may_differ_by_little_and_words_not_at_all(was: str, found: str, differs: bool) -> None:
    assert bool(text_difference(was, found)) is differs
