"""The tools that a turn may use."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from langchain_core.tools import BaseTool

from graph.state.turn_state import Turn
from graph.tools.traits import arguments_schema, traits_of


class ToolSource(Protocol):
    """A source of tools, such as a folder of plugins."""

    async def tools(self) -> Sequence[BaseTool]:
        """Return the current tools."""
        ...


class Toolbox:
    """The agent's own tools and its plugins' tools; if two share a name, the agent's own wins."""

    def __init__(self, own: Callable[[], Sequence[BaseTool]], plugins: ToolSource, owner: str) -> None:
        """Take a factory of the agent's own tools (called once), the plugins and the configured owner."""
        self._make = own
        self._own: Sequence[BaseTool] | None = None
        self._latest: Mapping[str, BaseTool] = {}
        self._schemas: Mapping[str, Mapping[str, Any]] = {}
        self._plugins = plugins
        self._owner = owner

    async def tools_for(self, turn: Turn) -> Mapping[str, BaseTool]:
        """Return the tools that a turn may use by name, sorted."""
        return {name: tool for name, tool in (await self._all()).items() if self._is_for(tool, turn)}

    async def schemas(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the JSON schema of every tool's arguments by name, from the last refresh."""
        if not self._latest:
            await self._all()
        return self._schemas

    async def _all(self) -> Mapping[str, BaseTool]:
        if self._own is None:
            self._own = self._make()
        found = {tool.name: tool for tool in [*await self._plugins.tools(), *self._own]}
        tools = dict(sorted(found.items()))
        if [*map(id, tools.values())] != [*map(id, self._latest.values())]:
            self._latest = tools
            self._schemas = {name: arguments_schema(tool) for name, tool in tools.items()}
        return self._latest

    def _is_for(self, tool: BaseTool, turn: Turn) -> bool:
        traits = traits_of(tool)
        if turn.private and (traits.changes or traits.approval):
            return False
        return not traits.owner_only or turn.owner == self._owner
