"""What a tool's arguments must be like."""

from collections.abc import Mapping
from typing import Any

from langchain_core.tools import BaseTool
from pydantic import BaseModel, ValidationError


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
