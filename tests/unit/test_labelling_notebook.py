"""What the notebook of one's own chats stands on: text in a frame, bars, and JupyterLab itself."""

import json
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bot.notebook.progress import Progress
from bot.notebook.table import Table
from bot.notebook.verbatim import Verbatim
from tests.tables import each

ROOT = Path(__file__).parents[2]
HOSTILE = (
    "</div><img src=x onerror=alert(1)> $\\href{javascript:alert(1)}{x}$ &lt; \x1b[2J\u202e \"' \n\nשלום"
)


class Read(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, page: str) -> None:
        self.tags: list[str] = []
        self.text = ""
        super().__init__()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_what_stands_in_a_table_is_no_mathematics() -> None:
    drawn = Table(("a",), [("$\\href{https://example.org}{x}$",)])._repr_html_()
    assert drawn.startswith("<table class='mathjax_ignore tex2jax_ignore'>")
    assert "$\\href{https://example.org}{x}$" in Read(drawn).text


@each("lines", [0, 3])
def test_a_text_is_shown_as_it_is_but_for_control_characters(lines: int) -> None:
    shown = Verbatim("Message", lines)
    shown.text = HOSTILE
    read = Read(shown.value)
    assert read.tags == ["div"]
    assert read.text == shown.text == HOSTILE.replace("\x1b", "").replace("\u202e", "")
    assert 'dir="auto"' in shown.value


def test_a_frame_can_be_scrolled_by_keyboard_without_a_command_of_jupyter() -> None:
    shown = Verbatim("Message", 3)
    shown.text = "x"
    assert 'tabindex="0"' in shown.value
    assert 'data-lm-suppress-shortcuts="true"' in shown.value


def test_a_bar_counts_and_leaves_a_line_of_text(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("turns read", 3)
    assert progress.counted.value == "0 of 3 turns read"
    progress()
    assert progress.bar.value == 1
    progress()
    progress()
    assert "3 of 3 turns read" in capsys.readouterr().out
    Progress("turns read", 0)
    assert capsys.readouterr().out == ""


def test_a_long_cell_does_not_show_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("turns read", 10_000)
    seen = set()
    for _ in range(10_000):
        progress()
        seen.add(progress.bar.value)
    assert len(seen) <= 201
    assert str(progress) == "10000 of 10000 turns read"


def test_the_kernel_runs_in_the_python_of_the_agent(tmp_path: Path) -> None:
    """Jupyter runs a kernel called plainly `python` in its own Python, which knows nothing of the agent."""
    install = [sys.executable, "-m", "ipykernel", "install", "--prefix", str(tmp_path), "--name", "python3"]
    subprocess.run(install, check=True, capture_output=True)
    written = json.loads((tmp_path / "share/jupyter/kernels/python3/kernel.json").read_text("utf-8"))
    assert Path(written["argv"][0]) == Path(sys.executable)


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_the_lab_is_reached_from_this_machine_alone_and_takes_options() -> None:
    command = ["make", "--dry-run", "lab", "ARGS=--no-browser"]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    start = next(line for line in told.splitlines() if "jupyter lab notebooks" in line)
    assert "--ServerApp.ip=127.0.0.1" in start
    assert start.endswith("--no-browser")
    assert told.index("ipykernel install --sys-prefix --name python3") < told.index("jupyter lab notebooks")


def test_the_lab_asks_nobody_for_news() -> None:
    settings = json.loads((ROOT / "requirements/lab.settings.json").read_text("utf-8"))
    assert settings["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"
    assert "requirements/lab.settings.json" in (ROOT / "Makefile").read_text("utf-8")
