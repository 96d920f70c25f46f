"""Traits of a tool, which say how a turn treats it; the tools that a turn may use; a call's arguments."""

import json
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from inspect import getdoc
from types import MethodType
from typing import Annotated, Any, cast

from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel, Field, ValidationError

from graph.state.turn_state import Turn
from memory.text.text import clean

_KEY = "goat"
"""Key in a tool's `metadata`."""
DEEPEST, MOST_CHARS = 32, 100_000
"""Limits on a call's arguments: nesting, and characters as JSON."""
_LARGEST = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """How a turn treats a tool; pass `metadata()` as the tool's metadata."""

    approval: bool = False
    """The person is asked before each call."""
    changes: bool = False
    """It changes the memory: not offered in a private turn; needs approval next to third-party text."""
    foreign: bool = True
    """Its output comes from outside: a page, a command, another agent. True unless a tool says otherwise."""
    owner_only: bool = False
    """It is offered only to the configured owner."""
    isolated: bool = False
    """It belongs to a plugin: it runs off the event loop, so that it cannot block the agent."""
    seconds: Annotated[float, Field(gt=0)] | None = None
    """Its own time limit; None for the configured one."""
    cached: Annotated[float, Field(ge=0)] = 0.0
    """Seconds for which its output is cached for the same arguments."""
    priority: Annotated[int, Field(ge=0)] = 10
    """When a context window is too small for all tools, those with higher priority stay."""

    def metadata(self) -> dict[str, Any]:
        """Return the traits as `BaseTool.metadata`."""
        return {_KEY: asdict(self)}


def traits_of(tool: BaseTool) -> Traits:
    """Read a tool's traits; missing ones have their defaults, unknown names are ignored."""
    given = (tool.metadata or {}).get(_KEY, {})
    known = given if isinstance(given, Mapping) else {}
    return Traits(**{name: value for name, value in known.items() if name in Traits.__dataclass_fields__})


def arguments_schema(tool: BaseTool) -> Mapping[str, Any]:
    """Return the JSON schema of the arguments that a model may give."""
    schema = tool.tool_call_schema
    if isinstance(schema, dict):
        return schema
    return schema.model_json_schema() if issubclass(schema, BaseModel) else {}


class Toolbox:
    """The agent's own tools and its plugins' tools; if two share a name, the agent's own wins."""

    def __init__(
        self,
        own: Callable[[], Sequence[BaseTool]],
        plugins: Callable[[], Awaitable[Sequence[BaseTool]]],
        owner: str,
    ) -> None:
        """Take a factory of the agent's own tools (called once), the plugins' and the configured owner."""
        self._make = own
        self._own: Sequence[BaseTool] | None = None
        self._latest: Mapping[str, BaseTool] = {}
        self._schemas: Mapping[str, Mapping[str, Any]] = {}
        self._plugins = plugins
        self._owner = owner

    async def tools_for(self, turn: Turn) -> Mapping[str, BaseTool]:
        """Return the tools that a turn may use by name, sorted."""
        found = {}
        for name, tool in (await self._all()).items():
            traits = traits_of(tool)
            is_kept_back = turn.private and (traits.changes or traits.approval)
            if not is_kept_back and (turn.owner == self._owner or not traits.owner_only):
                found[name] = tool
        return found

    async def schemas(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the JSON schema of every tool's arguments by name, from the last refresh."""
        if not self._latest:
            await self._all()
        return self._schemas

    async def _all(self) -> Mapping[str, BaseTool]:
        if self._own is None:
            self._own = self._make()
        found = {tool.name: tool for tool in [*await self._plugins(), *self._own]}
        tools = dict(sorted(found.items()))
        if [*map(id, tools.values())] != [*map(id, self._latest.values())]:
            self._latest = tools
            self._schemas = {name: arguments_schema(tool) for name, tool in tools.items()}
        return self._latest


def arguments_problem(tool: BaseTool, arguments: Mapping[str, Any]) -> str:
    """Describe which arguments are wrong, without their values; "" if none is or only the tool can check."""
    schema = tool.tool_call_schema
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        return ""
    try:
        schema.model_validate(dict(arguments))
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}" for one in error.errors())
        return f"The arguments are wrong. {'; '.join(wrong)}"
    return ""


class _UnusableValue(Exception):
    """A value cannot be stored; says why."""


def clean_arguments(arguments: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the arguments as every store can hold them, and the problem; one of the two is empty."""
    try:
        cleaned = {clean(str(name)): _clean_value(value, 1) for name, value in arguments.items()}
    except _UnusableValue as error:
        return {}, f"The arguments cannot be used: {error}."
    if len(json.dumps(cleaned, ensure_ascii=False)) > MOST_CHARS:
        return {}, f"The arguments cannot be used: they have more than {MOST_CHARS} characters."
    return cleaned, ""


def _clean_value(value: Any, depth: int) -> Any:
    if depth > DEEPEST:
        raise _UnusableValue(f"they are nested more than {DEEPEST} deep")
    match value:
        case str():
            return clean(value)
        case bool() | None:
            return value
        case int() | float():
            return _clean_number(value)
        case Mapping():
            return {clean(str(name)): _clean_value(one, depth + 1) for name, one in value.items()}
        case list() | tuple():
            return [_clean_value(one, depth + 1) for one in value]
    raise _UnusableValue(f"they hold a {type(value).__name__}")


def _clean_number(value: float) -> float:
    if not math.isfinite(value):
        raise _UnusableValue("a number is not finite")
    if isinstance(value, int) and abs(value) >= _LARGEST:
        raise _UnusableValue("a number is too large")
    return value


def method_tool(call: Callable[..., Awaitable[str]], traits: Traits) -> BaseTool:
    """Return a bound method as a tool described by its docstring.

    The arguments' schema is built once per process for each function.
    """
    template = _template(cast("MethodType", call).__func__)
    return template.model_copy(update={"coroutine": call, "metadata": traits.metadata()})


@cache
def _template(function: Callable[..., Any]) -> StructuredTool:
    """Return the tool of an unbound method."""
    tool = StructuredTool.from_function(
        coroutine=MethodType(function, object()), description=getdoc(function)
    )
    arguments_schema(tool)  # cached by the tool and its copies
    return tool
