"""A tool that shows the configured owner the latest lines of the log."""

from typing import Annotated, Literal

from langchain_core.tools import BaseTool, StructuredTool
from pydantic import Field

from graph.tools.plugins.services import PluginServices
from graph.tools.traits import Traits

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
DESCRIPTION = (
    "Return the latest lines of your own log, oldest first. Use it when the user asks what went wrong, or "
    "why something was slow or failed."
)


def build(services: PluginServices) -> list[BaseTool]:
    """Return `get_recent_logs`, only for the configured owner: the log covers everybody's turns."""

    async def get_recent_logs(
        limit: Annotated[int, Field(ge=1, le=500, description="The most lines")] = 50,
        level: Annotated[Level, Field(description="Leave out what is less grave")] = "INFO",
    ) -> str:
        return "\n".join(await services.logs(limit, level)) or f"There is nothing of {level} or above."

    return [
        StructuredTool.from_function(
            coroutine=get_recent_logs,
            name="get_recent_logs",
            description=DESCRIPTION,
            metadata=Traits(owner_only=True, foreign=True, priority=0).metadata(),
        )
    ]
