"""Plugins in a folder of the test's own, and calls of their tools as a turn makes them."""

import asyncio
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool

from graph.exchange import Call
from graph.settings.settings import Settings
from graph.state.turn_state import Turn
from graph.tools.caller import Caller
from graph.tools.plugins.plugin_loader import LoadedPlugin
from graph.tools.plugins.plugin_registry import PluginRegistry
from graph.tools.plugins.services import PluginServices, SettingsView
from graph.tools.tool_runner import Output, ToolRunner
from memory.observation.figures import Figures, Metrics

TURN = Turn(turn_id="now", owner="ana", thread="1", message="do it", at=datetime(2026, 5, 4, tzinfo=UTC))
HEAD = """\
import asyncio, time, threading
from langchain_core.tools import tool

"""


async def read_metrics(days: int, *, owner: str | None = None) -> Metrics:
    """Return one day's figures; as many turns as days are asked for."""
    figures = Figures(turns=days, outcomes={str(owner): days})
    return Metrics(days={date(2026, 5, 4): figures}, whole=figures)


async def read_logs(*, limit: int, level: str) -> list[str]:
    """Return a line that says what was asked."""
    return [f"{limit} lines of {level}"]


def services_of(settings: Settings) -> PluginServices:
    """Return services over figures and a log that are made up."""
    return PluginServices(settings=SettingsView(settings), read_metrics=read_metrics, read_logs=read_logs)


class Plugins:
    """A folder of plugins, the shelf over it, and a runner of its tools."""

    def __init__(self, settings: Settings, shelf: PluginRegistry) -> None:
        self.settings = settings
        self.shelf = shelf
        self.folder = settings.plugins_folder or settings.data_folder / "plugins"
        self.run = ToolRunner(shelf.isolation, settings.tool_timeout, settings.tool_output_cap)

    def write(self, name: str, code: str) -> Path:
        """Write a plugin."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        path.write_text(HEAD + textwrap.dedent(code), encoding="utf-8")
        return path

    def write_tool(self, name: str, body: str, *, made: str = "async def") -> Path:
        """Write a plugin with one tool of its own name, whose body is this."""
        body = textwrap.indent(textwrap.dedent(body), "        ")
        lines = [
            "def build(services):",
            "    @tool",
            f"    {made} {Path(name).stem}(n: int = 1) -> str:",
            '        """Try something."""',
            body,
            f"    return [{Path(name).stem}]",
        ]
        return self.write(name, "\n".join(lines))

    async def names(self) -> list[str]:
        """Return the names of the tools there are."""
        return [tool.name for tool in await self.shelf.tools()]

    async def tool(self, name: str) -> BaseTool:
        """Return a tool."""
        return {tool.name: tool for tool in await self.shelf.tools()}[name]

    async def call(
        self, name: str, turn: Turn = TURN, *, seconds: float | None = None, **arguments: Any
    ) -> Output:
        """Run a tool as a turn does, with the time that the settings give it unless told otherwise."""
        call = Call(id="1", key="now:0:0", name=name, arguments=arguments)
        run = self.run if seconds is None else replace(self.run, seconds=seconds)
        return await run(await self.tool(name), call, Caller(turn=turn, key=call.key))


async def until(holds: Callable[[], bool], seconds: float = 100.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - another process or thread makes it hold
            await asyncio.sleep(0.02)


@asynccontextmanager
async def open_plugins(
    settings: Settings, *, shipped: Path | None = None, load_seconds: float = 100.0, patience: float = 100.0
) -> AsyncIterator[Plugins]:
    """Open the plugins of the settings' folder; without `shipped` there are no others."""
    shelf = PluginRegistry(
        settings,
        services_of(settings),
        shipped=shipped or settings.data_folder / "none",
        load_seconds=load_seconds,
        patience=patience,
    )
    try:
        yield Plugins(settings, shelf)
    finally:
        await shelf.aclose()


def plugin_of(*names: str) -> LoadedPlugin:
    """Return a plugin with tools of these names."""
    tools = [StructuredTool.from_function(func=str.upper, name=name, description="Shout.") for name in names]
    return LoadedPlugin(tuple(tools), "+".join(names))


DELETING = """from langchain_core.tools import tool
from graph.tools.traits import Traits

def build(services):
    @tool
    def delete_file(name: str) -> str:
        \"\"\"Delete a file.\"\"\"
        return f"deleted {name}"

    @tool
    def read_page(name: str) -> str:
        \"\"\"Read a page.\"\"\"
        return "Nothing new. See https://example.com/more for more."

    delete_file.metadata = Traits(approval=True).metadata()
    read_page.metadata = Traits(foreign=True).metadata()
    return [delete_file, read_page]
"""
"""A plugin with a tool that is asked about, and one that reads what others wrote."""


def add_plugin(data_folder: Path, name: str, code: str) -> None:
    """Give the agent of a data folder a plugin."""
    folder = data_folder / "plugins"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / name).write_text(code, encoding="utf-8")
