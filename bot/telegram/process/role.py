"""What a process does of the bot's work."""

from enum import StrEnum


class Duty(StrEnum):
    """What a process does of the bot's work."""

    ALL = "all"
    INTAKE = "intake"
    """Takes updates in."""
    WORK = "work"
    """Answers them."""
