"""Traits of a tool, and the schema of its arguments: what the turn must know before the model may use it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from langchain_core.tools import BaseTool
from pydantic import BaseModel, ValidationError

_KEY = "goat"
"""In a tool's `metadata`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """How a tool is treated; put `metadata()` into its metadata."""

    approval: bool = False
    """The person is asked before each call."""
    changes: bool = False
    """It changes the memory: not in a private turn, and not unasked beside a third party's text."""
    foreign: bool = True
    """Its output comes from outside: a page, a command, another agent. A tool must say that it does not."""
    owner_only: bool = False
    """It is offered to the configured owner alone."""
    isolated: bool = False
    """It is a plugin's: it runs apart from the event loop, so that it cannot hold anything up."""
    seconds: float | None = None
    """A time limit of its own."""
    cached: float = 0.0
    """Seconds for which an output may be used again for the same arguments."""
    priority: int = 10
    """The higher, the longer it is offered as a small model's context window leaves less room for tools."""

    def metadata(self) -> dict[str, Any]:
        """Return what `BaseTool.metadata` takes."""
        return {_KEY: asdict(self)}


def traits_of(tool: BaseTool) -> Traits:
    """Read a tool's traits; what is not said is as `Traits` has it, and so is what has no known name."""
    given = (tool.metadata or {}).get(_KEY, {})
    known = given if isinstance(given, Mapping) else {}
    return Traits(**{name: value for name, value in known.items() if name in Traits.__dataclass_fields__})


def arguments_schema(tool: BaseTool) -> Mapping[str, Any]:
    """Return the JSON schema of the arguments that a model may give."""
    schema = tool.tool_call_schema
    if isinstance(schema, dict):
        return schema
    return schema.model_json_schema() if issubclass(schema, BaseModel) else {}


def arguments_problem(tool: BaseTool, arguments: Mapping[str, Any]) -> str:
    """Say what is wrong with the arguments; empty when nothing is, or when only the tool can tell."""
    schema = tool.tool_call_schema
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        return ""
    try:
        schema.model_validate(dict(arguments))
    except ValidationError as error:
        return explained(error)
    return ""


def explained(error: ValidationError) -> str:
    """Say which argument is wrong and how, without repeating its value."""
    wrong = (f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}" for one in error.errors())
    return f"The arguments are wrong. {'; '.join(wrong)}"
