"""Tools made from bound methods."""

from collections.abc import Awaitable, Callable
from functools import cache
from inspect import getdoc
from types import MethodType
from typing import Any, cast

from langchain_core.tools import BaseTool, StructuredTool

from graph.tools.traits import Traits, arguments_schema


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
