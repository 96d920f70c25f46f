"""Tools over the running program: statistics, configuration, logs."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr
from pydantic_core import to_jsonable_python

from bot.mcp.read_tool import QuotingAnswer, ReadTool, ToolAnswer
from graph.layers import Layers
from graph.observability.log_reader import LogLine, read_logs
from graph.observability.redaction import Redaction
from graph.settings.settings import Settings
from graph.settings.sources import PREFIX
from memory.text.text import clip, digest

_LONGEST = 4000
Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class MetricsRead(ToolAnswer):
    """Statistics of the owner's recent turns; times in milliseconds."""

    whole: Mapping[str, Any]
    days: Mapping[str, Any]
    """By date in UTC; days without a turn are left out."""


class SettingRead(ToolAnswer):
    name: str
    variable: str
    """The environment variable that sets it."""
    description: str
    secret: bool
    is_set: bool
    """For a secret: one is set. For others: configured, rather than the default."""
    value: Any
    """None for a secret."""


class Configuration(ToolAnswer):
    """All settings; secrets are hidden."""

    settings: list[SettingRead]


class LogsRead(QuotingAnswer):
    """Lines of the log, newest last."""

    lines: list[LogLine]


@dataclass(frozen=True, slots=True)
class ProcessQueries:
    """Tools that read the program's state; of turns, only the owner's."""

    owner: str
    layers: Layers
    redact: Redaction

    def tools(self) -> list[ReadTool]:
        return [
            ReadTool("Metrics", self.get_metrics),
            ReadTool("Configuration", self.get_configuration, hides_secrets=True),
            ReadTool("Logs", self.read_logs),
        ]

    async def get_metrics(
        self, days: Annotated[int, Field(ge=1, le=90, description="Today and the days before, in UTC.")] = 7
    ) -> MetricsRead:
        """Read statistics of recent turns: how many, their outcomes, and how long each stage took."""
        return MetricsRead(**(await self.layers.metrics.read(days, owner=self.owner)).as_json())

    async def get_configuration(self) -> Configuration:
        """Read every setting and its meaning; for secrets only whether they are set."""
        settings = self.layers.settings
        names = sorted(type(settings).model_fields)
        return Configuration(settings=[_public_setting(settings, name, self.redact) for name in names])

    async def read_logs(
        self,
        limit: Annotated[int, Field(ge=1, le=500, description="Maximum number of lines.")] = 50,
        level: Annotated[Level, Field(description="Lowest level of the lines.")] = "INFO",
    ) -> LogsRead:
        """Read the latest lines of the program's log.

        Lines about other owners' turns are left out. Lines about no turn are only for the configured owner.
        """
        settings = self.layers.settings
        accept = partial(_may_read, whose=digest(self.owner), configured=self.owner == settings.owner)
        lines = await asyncio.to_thread(read_logs, settings, limit, level, accept=accept)
        return LogsRead(
            lines=[
                replace(line, message=clip(line.message, _LONGEST), error=clip(line.error, _LONGEST))
                for line in lines
            ]
        )


def _may_read(line: LogLine, *, whose: str, configured: bool) -> bool:
    """Return whether an owner may read a line; one about no turn may quote anybody, in a traceback."""
    return line.observation.get("owner") == whose if line.observation else configured


def _public_setting(settings: Settings, name: str, redact: Redaction) -> SettingRead:
    value = getattr(settings, name)
    secret = isinstance(value, SecretStr)
    is_set = bool(value.get_secret_value()) if secret else name in settings.model_fields_set
    plain = redact.within(to_jsonable_python(value)) if not secret else None
    return SettingRead(
        name=name,
        variable=f"{PREFIX}{name.upper()}",
        description=type(settings).model_fields[name].description or "",
        secret=secret,
        is_set=is_set,
        value=clip(plain, _LONGEST) if isinstance(plain, str) else plain,
    )
