"""What the tools over the running program answer."""

from collections.abc import Mapping
from typing import Any

from bot.mcp.read_tool import Answer, Quoting


class MetricsRead(Answer):
    """What the owner's turns of some days add up to; times in milliseconds."""

    whole: Mapping[str, Any]
    days: Mapping[str, Any]
    """By date in UTC; days without a turn are left out."""


class SettingRead(Answer):
    """A setting."""

    name: str
    variable: str
    """The environment variable that sets it."""
    description: str
    secret: bool
    is_set: bool
    """A secret: there is one. Any other: it was configured, and is not merely the default."""
    value: Any
    """None for a secret."""


class Configuration(Answer):
    """Every setting; secrets are not shown."""

    settings: list[SettingRead]


class LineRead(Answer):
    """A line of the log."""

    at: str
    level: str
    logger: str
    message: str
    process: int
    error: str
    observation: Mapping[str, Any]
    """Figures of a turn."""


class LogsRead(Quoting):
    """Lines of the log, newest last."""

    lines: list[LineRead]
