"""Tools over the running program: figures, configuration, logs."""

import asyncio
from dataclasses import asdict, dataclass
from functools import partial

from bot.mcp.queries.process_answers import Configuration, LineRead, LogsRead, MetricsRead
from bot.mcp.queries.public_settings import shown_settings
from bot.mcp.queries.query_arguments import GetMetrics, Nothing, ReadLogs
from bot.mcp.read_tool import ReadTool, read_tool
from graph.layers import Layers
from graph.observability.log_reader import LogLine, read_logs
from graph.observability.redaction import Redaction
from memory.prompt.prompt import escape_fences
from memory.text.digest import digest
from memory.text.text import clean, clip

_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class ProcessQueries:
    """Read how the program does; of its turns, the owner's alone."""

    owner: str
    layers: Layers
    redact: Redaction

    def tools(self) -> list[ReadTool]:
        """Return the tools."""
        return [
            read_tool("Metrics", self.get_metrics, GetMetrics, MetricsRead),
            read_tool("Configuration", self.get_configuration, Nothing, Configuration, hides_secrets=True),
            read_tool("Logs", self.read_logs, ReadLogs, LogsRead),
        ]

    async def get_metrics(self, asked: GetMetrics) -> MetricsRead:
        """Read what the turns of the last days add up to: how many, how they ended, how long stages take."""
        metrics = await self.layers.metrics.read(asked.days, owner=self.owner)
        return MetricsRead(**metrics.as_json())

    async def get_configuration(self, _: Nothing) -> Configuration:
        """Read every setting with what it means; of secrets only whether they are set."""
        return Configuration(settings=shown_settings(self.layers.settings, self.redact))

    async def read_logs(self, asked: ReadLogs) -> LogsRead:
        """Read the latest lines of the program's log.

        Those about turns of other owners are left out, and those about no turn are for the configured owner.
        """
        settings = self.layers.settings
        accept = partial(_is_for, whose=digest(self.owner), configured=self.owner == settings.owner)
        lines = await asyncio.to_thread(read_logs, settings, asked.limit, asked.level, accept=accept)
        return LogsRead(lines=[_line(line) for line in lines])


def _is_for(line: LogLine, *, whose: str, configured: bool) -> bool:
    """Say whether an owner may read a line; one about no turn may hold anybody's words, in a traceback."""
    return line.observation.get("owner") == whose if line.observation else configured


def _line(line: LogLine) -> LineRead:
    return LineRead(**(asdict(line) | {"message": _said(line.message), "error": _said(line.error)}))


def _said(text: str) -> str:
    return escape_fences(clip(clean(text), _LONGEST))
