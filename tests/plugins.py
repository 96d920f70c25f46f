"""Plugins in a temporary folder, and calls of their tools as in a turn."""

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
    """Return invented metrics with as many turns as days."""
    figures = Figures(turns=days, outcomes={str(owner): days})
    return Metrics(days={date(2026, 5, 4): figures}, whole=figures)


async def read_logs(*, limit: int, level: str) -> list[str]:
    """Return a line that names the arguments."""
    return [f"{limit} lines of {level}"]


def services_of(settings: Settings) -> PluginServices:
    """Return services with invented metrics and an invented log."""
    return PluginServices(settings=SettingsView(settings), read_metrics=read_metrics, read_logs=read_logs)


class Plugins:
    """A folder of plugins, its loader, and a runner of its tools."""

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
        """Write a plugin with one tool of the same name and this body."""
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
        """Return the names of the tools."""
        return [tool.name for tool in await self.shelf.tools()]

    async def tool(self, name: str) -> BaseTool:
        """Return a tool."""
        return {tool.name: tool for tool in await self.shelf.tools()}[name]

    async def call(
        self, name: str, turn: Turn = TURN, *, seconds: float | None = None, **arguments: Any
    ) -> Output:
        """Run a tool as in a turn, with the configured timeout by default."""
        call = Call(id="1", key="now:0:0", name=name, arguments=arguments)
        run = self.run if seconds is None else replace(self.run, seconds=seconds)
        return await run(await self.tool(name), call, Caller(turn=turn, key=call.key))


async def until(holds: Callable[[], bool], seconds: float = 100.0) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - another process or thread makes it hold
            await asyncio.sleep(0.02)


@asynccontextmanager
async def open_plugins(
    settings: Settings, *, shipped: Path | None = None, load_seconds: float = 100.0, patience: float = 100.0
) -> AsyncIterator[Plugins]:
    """Open the plugins of the settings' folder; `shipped` adds the packaged ones."""
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
    """Return a plugin's source with tools of these names."""
    tools = [StructuredTool.from_function(func=str.upper, name=name, description="Shout.") for name in names]
    return LoadedPlugin(tuple(tools), "+".join(names))


LAMP = """
from langchain_core.tools import BaseTool, tool
from graph.tools.traits import Traits

def build(services):
    @tool
    def switch_lamp(room: str) -> str:
        "Switch the lamp of a room."
        return f"It is lit in the {room}."
    switch_lamp.metadata = Traits(approval=True).metadata()
    return [switch_lamp]
"""
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
"""A plugin with a tool that needs approval, and one that reads foreign text."""


def add_plugin(data_folder: Path, name: str, code: str) -> None:
    """Write a plugin into a data folder."""
    folder = data_folder / "plugins"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / name).write_text(code, encoding="utf-8")
