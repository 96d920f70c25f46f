"""The README says what the code does."""

import re

from tests.readme import README, between, parts
from tests.tables import each

TEXT = README.read_text("utf-8")


@each("name", sorted(parts()))
def test_generated_parts_are_what_the_code_makes(name: str) -> None:
    assert between(TEXT, name) == parts()[name], "run `python -m tests.readme`"


def test_the_two_commands_stand_first() -> None:
    commands = re.findall(r"^\$ make (\w+)", TEXT, re.MULTILINE)
    assert commands[:2] == ["chat", "test"]


def test_every_make_target_that_is_named_is_there() -> None:
    makefile = (README.parent / "Makefile").read_text("utf-8")
    targets = re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)
    targets += re.findall(r"^EXTRAS := (.*)$", makefile, re.MULTILINE)[0].split()
    named = set(re.findall(r"`?make ([a-z-]+)", TEXT))
    assert named
    assert named <= set(targets)
