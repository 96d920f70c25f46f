"""Notebooks are committed without outputs, for any machine, and hold few lines of code."""

import ast
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.notebooks.executing import notebooks

NUMBERS = {"01", "02", "03", "04", "05", "06"}
MOST_LINES = 20
"""Of code in a cell; what is longer belongs into the packages."""
MACHINE = re.compile(r"/(?:home|root|Users|work|tmp)/|[A-Z]:\\\\|GOAT_[A-Z_]*KEY\s*=")
NEEDED = re.compile(r"\btakes?\b.*\b(?:seconds?|minutes?)\b", re.IGNORECASE | re.DOTALL)


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def code(notebook: Any) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_notebooks() -> None:
    assert {path.name[:2] for path in notebooks()} == NUMBERS


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
class TestNotebook:
    """Each notebook."""

    def test_it_is_valid_and_for_any_python(self, path: Path) -> None:
        notebook = read(path)
        nbformat.validate(notebook)
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
        assert notebook.metadata.kernelspec.name == "python3"
        assert all(cell.id for cell in notebook.cells)

    def test_its_outputs_are_stripped(self, path: Path) -> None:
        cells = [cell for cell in read(path).cells if cell.cell_type == "code"]
        assert [(cell.outputs, cell.execution_count) for cell in cells] == [([], None)] * len(cells)
        assert path.stat().st_size < 1_000_000

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
