"""A tool that returns the memory's metrics to their owner."""

import json
from typing import Annotated

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool
from pydantic import Field

from graph.tools.caller import caller
from graph.tools.plugins.services import PluginServices
from graph.tools.traits import Traits

DESCRIPTION = (
    "Return the user's own figures of the memory, as JSON: turns, memories found and used, latencies in "
    "milliseconds, tokens, tool calls, by day and in all. Use it for questions about how you are doing."
)


def build(services: PluginServices) -> list[BaseTool]:
    async def get_memory_metrics(
        config: RunnableConfig, days: Annotated[int, Field(ge=1, le=90, description="Today and before")] = 7
    ) -> str:
        metrics = await services.metrics(caller(config).owner, days)
        return json.dumps(metrics.as_json(), ensure_ascii=False)

    return [
        StructuredTool.from_function(
            coroutine=get_memory_metrics,
            name="get_memory_metrics",
            description=DESCRIPTION,
            metadata=Traits(foreign=False, priority=0).metadata(),
        )
    ]
