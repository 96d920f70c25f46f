"""Answers of the tools over the running program."""

from collections.abc import Mapping
from typing import Any

from bot.mcp.read_tool import Answer, QuotingAnswer


class MetricsRead(Answer):
    """Statistics of the owner's recent turns; times in milliseconds."""

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
    """For a secret: one is set. For others: configured, rather than the default."""
    value: Any
    """None for a secret."""


class Configuration(Answer):
    """All settings; secrets are hidden."""

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
    """Figures of the turn that it reports."""


class LogsRead(QuotingAnswer):
    """Lines of the log, newest last."""

    lines: list[LineRead]
