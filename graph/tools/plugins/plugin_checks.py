"""Checks of a plugin's tools before they are offered."""

import re
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any, get_type_hints

from langchain_core.tools import BaseTool
from pydantic import ValidationError, create_model

from graph.tools.daemon_threads import error_text
from graph.tools.isolation import PLUGIN
from graph.tools.plugins.plugin_files import PluginProblem
from graph.tools.traits import Traits, arguments_schema, traits_of

MOST_TOOLS = 50
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_TRAITS = "goat"
_FIELDS: dict[str, Any] = {
    name: (kind, None) for name, kind in get_type_hints(Traits, include_extras=True).items()
}
_Checked = create_model("_Checked", **_FIELDS)


def check_tools(built: Any, plugin: str) -> tuple[BaseTool, ...]:
    """Return the tools that `build` returned, marked as isolated.

    Raises:
        PluginProblem: it is not a list of tools, or one of them cannot be offered to a model.
    """
    if isinstance(built, Coroutine):
        built.close()
        raise PluginProblem("build must not be async; the tools may be.")
    if not isinstance(built, list | tuple):
        raise PluginProblem(f"build must return a list of tools; it returned {_kind(built)}.")
    if len(built) > MOST_TOOLS:
        raise PluginProblem(f"build returned {len(built)} tools; at most {MOST_TOOLS} are taken.")
    tools = tuple(_check_tool(tool, plugin) for tool in built)
    names = [tool.name for tool in tools]
    if twice := {name for name in names if names.count(name) > 1}:
        raise PluginProblem(f"Two of its tools are called {', '.join(sorted(twice))}.")
    return tools


def _check_tool(tool: Any, plugin: str) -> BaseTool:
    if not isinstance(tool, BaseTool):
        raise PluginProblem(
            f"build must return tools; one is {_kind(tool)}. Make it one with @tool of langchain_core.tools."
        )
    if not (isinstance(tool.name, str) and _NAME.fullmatch(tool.name)):
        raise PluginProblem(
            f"A tool is called {str(tool.name)[:80]!r}; a name is 1 to 64 of a-z, A-Z, 0-9, _ and -."
        )
    if not (isinstance(tool.description, str) and tool.description.strip()):
        raise PluginProblem(f"{tool.name} has no description: say what it does and when to use it.")
    _check_arguments(tool)
    _check_traits(tool)
    metadata = {**(tool.metadata or {}), **replace(traits_of(tool), isolated=True).metadata(), PLUGIN: plugin}
    return tool.model_copy(update={"metadata": metadata})


def _check_arguments(tool: BaseTool) -> None:
    try:
        schema = arguments_schema(tool)
    except Exception as error:  # a plugin's argument types may raise anything
        raise PluginProblem(
            f"The arguments of {tool.name} have no JSON schema: {error_text(error)}"
        ) from error
    if not isinstance(schema, Mapping):
        raise PluginProblem(f"The arguments of {tool.name} have no JSON schema.")


def _check_traits(tool: BaseTool) -> None:
    """Refuse unknown traits: a misspelt one may be the one that keeps a call safe."""
    given = (tool.metadata or {}).get(_TRAITS, {})
    if not isinstance(given, Mapping):
        raise PluginProblem(f"The traits of {tool.name} are not a mapping; write Traits(...).metadata().")
    if unknown := set(map(str, given)) - set(Traits.__dataclass_fields__):
        raise PluginProblem(f"{tool.name} has unknown traits: {', '.join(sorted(unknown))}.")
    try:
        _Checked.model_validate(dict(given), strict=True)
    except ValidationError as error:
        (wrong, *_) = error.errors()
        name = str(wrong["loc"][0])
        raise PluginProblem(f"The trait {name} of {tool.name} cannot be {given[name]!r:.80}.") from None


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"of the type {type(value).__name__}"
