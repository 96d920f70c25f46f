"""Methods as tools."""

from collections.abc import Awaitable, Callable
from inspect import getdoc

from langchain_core.tools import BaseTool, StructuredTool

from graph.tools.schemas import arguments_schema
from graph.tools.traits import Traits

_made: dict[Callable[..., Awaitable[str]], StructuredTool] = {}


def method_tool(call: Callable[..., Awaitable[str]], traits: Traits) -> BaseTool:
    """Return a bound method as a tool that is described by its docstring.

    What its arguments must be like is worked out once a process, whosever method it is.
    """
    function = getattr(call, "__func__", call)
    if function not in _made:
        tool = StructuredTool.from_function(coroutine=call, description=getdoc(call))
        arguments_schema(tool)  # which the tool notes, and so do its copies
        _made[function] = tool.model_copy(update={"coroutine": None})
    return _made[function].model_copy(update={"coroutine": call, "metadata": traits.metadata()})
