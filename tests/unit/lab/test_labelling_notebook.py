"""What the notebook of one's own chats stands on: text in a frame, bars, and JupyterLab itself."""

import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bot.lab.widgets import ProgressWidget, Table, Verbatim
from tests.tables import each

ROOT = Path(__file__).parents[3]
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


def test_a_long_cell_does_not_show_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    progress = ProgressWidget("turns read", 10_000)
    seen = set()
    for _ in range(10_000):
        progress()
        seen.add(progress.bar.value)
    assert len(seen) <= 201
    assert str(progress) == "10000 of 10000 turns read"


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_the_lab_is_reached_from_this_machine_alone_and_takes_options() -> None:
    command = ["make", "--dry-run", "lab", "ARGS=--no-browser"]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    start = next(line for line in told.splitlines() if "jupyter lab notebooks" in line)
    assert "--ServerApp.ip=127.0.0.1" in start
    assert start.endswith("--no-browser")
    assert told.index("ipykernel install --sys-prefix --name python3") < told.index("jupyter lab notebooks")
