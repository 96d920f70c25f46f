"""A tool that runs shell commands for the configured owner, who approves each; off by default."""

import asyncio
import os
from typing import Annotated

from langchain_core.tools import BaseTool, StructuredTool
from pydantic import Field

from graph.tools.plugins.command import CommandResult, protect_process, run_command
from graph.tools.plugins.services import PluginServices
from graph.tools.traits import Traits

SPARE_SECONDS = 10.0
DESCRIPTION = (
    "Run a command with /bin/sh on the user's computer and return its output and exit status. The user is "
    "asked before each one. It starts in a folder of its own, which stays; it has no input, and what it "
    "leaves running is ended with it."
)


def build(services: PluginServices) -> list[BaseTool]:
    """Return `shell_run` if the setting `shell` is on."""
    if not services.settings.shell or os.name != "posix":
        return []
    protect_process()
    seconds = services.settings.shell_timeout
    room = services.settings.tool_output_cap // 2

    async def shell_run(command: Annotated[str, Field(min_length=1, max_length=20_000)]) -> str:
        folder = await asyncio.to_thread(services.folder)
        return _report(await run_command(command, folder, seconds=seconds, room=room), seconds)

    return [
        StructuredTool.from_function(
            coroutine=shell_run,
            name="shell_run",
            description=DESCRIPTION,
            metadata=Traits(
                approval=True, owner_only=True, foreign=True, seconds=seconds + SPARE_SECONDS
            ).metadata(),
        )
    ]


def _report(result: CommandResult, seconds: float) -> str:
    if result.status is None:
        end = f"Killed: it was not done within {seconds:g} s."
    elif result.status < 0:
        end = f"Ended by signal {-result.status}."
    else:
        end = f"Exit status {result.status}."
    return f"{end}\n{result.output}"
