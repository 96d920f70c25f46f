"""The commands of `goat`, each imported when it is called."""

import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from bot.cli import COMMANDS, load, main
from bot.presentation.command_output import ProgressBars, results_file


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_in_the_list_is_what_the_command_says_of_itself(name: str) -> None:
    assert load(name).help.partition("\n\n")[0] == COMMANDS[name].summary


@pytest.mark.parametrize("owner", ["a\udcffb", "x" * 201])
def test_an_owner_for_whom_no_turn_can_be_made_is_refused_in_a_line(
    owner: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("chat", "mcp", "replay", "reindex", "import", "facts"):
        arguments = {"import": ["f.jsonl", "--format", "jsonl"], "facts": ["list"]}.get(name, [])
        monkeypatch.setattr(sys, "argv", ["goat", name, *arguments, "--owner", owner])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 2
        assert "Invalid value for '--owner': owner = " in capsys.readouterr().err


def test_a_progress_bar_shows_the_brackets_of_an_owners_name() -> None:
    shown = io.StringIO()
    with ProgressBars(Console(file=shown, width=120)) as bars:
        bars.add_task("embedding the house [/home]")
    assert "embedding the house [/home]" in shown.getvalue()


def test_results_are_written_after_a_process_of_the_same_number_was_killed(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    (tmp_path / f".results.json.{os.getpid()}.partial").touch()
    with results_file(file, private=True) as write:
        write([1])
    assert json.loads(file.read_text()) == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_command_does_its_algebra_in_one_thread_unless_told_otherwise() -> None:
    program = (
        "import os, sys; from bot import cli; cli.goat = lambda: None; cli.main(); "
        "sys.stdout.write(os.environ['OPENBLAS_NUM_THREADS'] + ' numpy' * ('numpy' in sys.modules))"
    )
    unset = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    told = [
        subprocess.check_output([sys.executable, "-c", program], env=environment, text=True)
        for environment in (unset, unset | {"OPENBLAS_NUM_THREADS": "3"})
    ]
    assert told == ["1", "3"]
