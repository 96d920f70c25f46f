"""Which tools a turn may use."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from langchain_core.tools import BaseTool

from graph.state import Turn
from graph.tools.schemas import arguments_schema
from graph.tools.traits import traits_of


class ToolSource(Protocol):
    """Where tools come from, such as a folder of plugins."""

    async def tools(self) -> Sequence[BaseTool]:
        """Return the tools as they are now."""
        ...


class Toolbox:
    """The agent's own tools and those of its plugins; of two of one name the agent's own stands."""

    def __init__(
        self, own: Callable[[], Sequence[BaseTool]], plugins: ToolSource, owner: Callable[[], str]
    ) -> None:
        """Take what makes the agent's own tools, once; the plugins, and who the configured owner is."""
        self._make = own
        self._own: Sequence[BaseTool] | None = None
        self._plugins = plugins
        self._owner = owner

    async def offered(self, turn: Turn) -> Mapping[str, BaseTool]:
        """Return the tools that a turn may use, by name; in an order that does not change."""
        return {name: tool for name, tool in (await self._all()).items() if self._is_for(tool, turn)}

    async def schemas(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the name of every tool with the JSON schema of its arguments."""
        return {name: arguments_schema(tool) for name, tool in (await self._all()).items()}

    async def _all(self) -> Mapping[str, BaseTool]:
        if self._own is None:
            self._own = self._make()
        tools = {tool.name: tool for tool in [*await self._plugins.tools(), *self._own]}
        return dict(sorted(tools.items()))

    def _is_for(self, tool: BaseTool, turn: Turn) -> bool:
        traits = traits_of(tool)
        if turn.private and (traits.changes or traits.approval):
            return False
        return not traits.owner_only or turn.owner == self._owner()
