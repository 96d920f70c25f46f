"""Execution of the notebooks as in a new clone: a copy of their folder, and none of the user's data."""

import os
import resource
import shutil
import time
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "notebooks"
SECONDS = 900
"""Timeout of a cell on a busy machine in seconds."""
_OURS = ("GOAT_", "JUPYTER", "IPYTHON", "MPL")


@dataclass(frozen=True, slots=True)
class Executed:
    """A notebook with its outputs."""

    notebook: Any
    seconds: float
    processor: float
    """Seconds of processor time, which other programs hardly change."""

    def __str__(self) -> str:
        """Return its times."""
        return f"{self.seconds:.0f} s, {self.processor:.0f} s of processor time"

    @property
    def complaints(self) -> list[str]:
        """Standard error, such as warnings."""
        outputs = (output for cell in self.notebook.cells for output in cell.get("outputs", ()))
        return [output.text for output in outputs if output.get("name") == "stderr"]


def notebooks() -> list[Path]:
    """Return all notebooks, in their order."""
    return sorted(FOLDER.glob("*.ipynb"))


def copied(to: Path) -> Path:
    """Copy the notebooks' folder without the files of earlier runs; return the copy."""
    left = shutil.ignore_patterns(".*")
    return Path(shutil.copytree(FOLDER, to / "notebooks", ignore=left))


def isolate(environment: MutableMapping[str, str], home: Path) -> None:
    """Redirect everything that a kernel reads and writes outside its folder to `home`."""
    for name in [name for name in environment if name.upper().startswith(_OURS)]:
        del environment[name]
    folders = {"HOME": "", "GOAT_DATA_FOLDER": "data", "IPYTHONDIR": "ipython", "MPLCONFIGDIR": "matplotlib"}
    for name, folder in folders.items():
        (home / folder).mkdir(parents=True, exist_ok=True)
        environment[name] = str(home / folder)


async def execute(notebook: Path) -> Executed:
    """Run all cells in a new kernel, in the notebook's folder.

    Raises:
        CellExecutionError: a cell raised; the text has the cell and the traceback.
    """
    read = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    return await execute_notebook(read, notebook.parent)


async def execute_notebook(read: Any, folder: Path) -> Executed:
    """Run all cells of a notebook that was read, in a folder; see `execute`."""
    client = NotebookClient(read, timeout=SECONDS, resources={"metadata": {"path": str(folder)}})
    began, used = time.perf_counter(), _processor_seconds()
    await client.async_execute(env=dict(os.environ))
    return Executed(read, time.perf_counter() - began, _processor_seconds() - used)


def _processor_seconds() -> float:
    """Return the processor time of kernels that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def pictures(executed: Executed) -> Iterator[str]:
    """Yield each PNG among the outputs, in base64."""
    for cell in executed.notebook.cells:
        for output in cell.get("outputs", ()):
            if picture := output.get("data", {}).get("image/png"):
                yield picture
