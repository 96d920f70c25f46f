"""Which tools a turn may use."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from langchain_core.tools import BaseTool

from graph.state.turn_state import Turn
from graph.tools.traits import arguments_schema, traits_of


class ToolSource(Protocol):
    """Where tools come from, such as a folder of plugins."""

    async def tools(self) -> Sequence[BaseTool]:
        """Return the tools as they are now."""
        ...


class Toolbox:
    """The agent's own tools and those of its plugins; of two of one name the agent's own stands."""

    def __init__(self, own: Callable[[], Sequence[BaseTool]], plugins: ToolSource, owner: str) -> None:
        """Take what makes the agent's own tools, once; the plugins, and who the configured owner is."""
        self._make = own
        self._own: Sequence[BaseTool] | None = None
        self._latest: Mapping[str, BaseTool] = {}
        self._schemas: Mapping[str, Mapping[str, Any]] = {}
        self._plugins = plugins
        self._owner = owner

    async def offered(self, turn: Turn) -> Mapping[str, BaseTool]:
        """Return the tools that a turn may use, by name; in an order that does not change."""
        return {name: tool for name, tool in (await self._all()).items() if self._is_for(tool, turn)}

    async def schemas(self) -> Mapping[str, Mapping[str, Any]]:
        """Return every tool's name with the JSON schema of its arguments, as they were last looked at."""
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
