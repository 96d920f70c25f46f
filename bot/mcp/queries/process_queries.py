"""Tools over the running program: statistics, configuration, logs."""

import asyncio
from dataclasses import asdict, dataclass
from functools import partial

from pydantic import SecretStr
from pydantic_core import to_jsonable_python

from bot.mcp.queries.process_answers import Configuration, LineRead, LogsRead, MetricsRead, SettingRead
from bot.mcp.queries.query_arguments import GetMetrics, NoArguments, ReadLogs
from bot.mcp.read_tool import ReadTool, read_tool
from graph.layers import Layers
from graph.observability.log_reader import LogLine, read_logs
from graph.observability.redaction import Redaction
from graph.settings.settings import Settings
from graph.settings.sources import PREFIX
from memory.prompt.prompt import escape_fences
from memory.text.digest import digest
from memory.text.text import clean, clip

_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class ProcessQueries:
    """Tools that read the program's state; of turns, only the owner's."""

    owner: str
    layers: Layers
    redact: Redaction

    def tools(self) -> list[ReadTool]:
        """Return the tools."""
        return [
            read_tool("Metrics", self.get_metrics, GetMetrics, MetricsRead),
            read_tool(
                "Configuration", self.get_configuration, NoArguments, Configuration, hides_secrets=True
            ),
            read_tool("Logs", self.read_logs, ReadLogs, LogsRead),
        ]

    async def get_metrics(self, arguments: GetMetrics) -> MetricsRead:
        """Read statistics of recent turns: how many, their outcomes, and how long each stage took."""
        metrics = await self.layers.metrics.read(arguments.days, owner=self.owner)
        return MetricsRead(**metrics.as_json())

    async def get_configuration(self, _: NoArguments) -> Configuration:
        """Read every setting and its meaning; for secrets only whether they are set."""
        return Configuration(settings=public_settings(self.layers.settings, self.redact))

    async def read_logs(self, arguments: ReadLogs) -> LogsRead:
        """Read the latest lines of the program's log.

        Lines about other owners' turns are left out. Lines about no turn are only for the configured owner.
        """
        settings = self.layers.settings
        accept = partial(_may_read, whose=digest(self.owner), configured=self.owner == settings.owner)
        lines = await asyncio.to_thread(read_logs, settings, arguments.limit, arguments.level, accept=accept)
        return LogsRead(lines=[_line(line) for line in lines])


def _may_read(line: LogLine, *, whose: str, configured: bool) -> bool:
    """Return whether an owner may read a line; one about no turn may quote anybody, in a traceback."""
    return line.observation.get("owner") == whose if line.observation else configured


def _line(line: LogLine) -> LineRead:
    return LineRead(**(asdict(line) | {"message": _quote(line.message), "error": _quote(line.error)}))


def _quote(text: str) -> str:
    return escape_fences(clip(clean(text), _LONGEST))


def public_settings(settings: Settings, redact: Redaction) -> list[SettingRead]:
    """Return all settings by name, without secrets or passwords within URLs."""
    return [_public_setting(settings, name, redact) for name in sorted(type(settings).model_fields)]


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
