"""The commands of `goat`, each imported when it is called."""

import pytest

from bot.cli import COMMANDS, load


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_in_the_list_is_what_the_command_says_of_itself(name: str) -> None:
    assert load(name).help.partition("\n\n")[0] == COMMANDS[name].summary
