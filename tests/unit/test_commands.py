"""The commands of `goat`, each imported when it is called."""

import os
import subprocess
import sys

import pytest

from bot.cli import COMMANDS, load


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_in_the_list_is_what_the_command_says_of_itself(name: str) -> None:
    assert load(name).help.partition("\n\n")[0] == COMMANDS[name].summary


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
