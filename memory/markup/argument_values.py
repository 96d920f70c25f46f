"""Arguments of a written call: strict JSON, and conversion of strings to the types of the schema."""

import json
from collections.abc import Mapping
from typing import Any

from memory.text.text import clean

NAME_KEYS = ("name", "tool", "tool_name", "function")
ARGUMENT_KEYS = ("arguments", "parameters", "args", "input")
Tools = Mapping[str, Mapping[str, Any]]


class MalformedCall(ValueError):
    """Text that is no valid call."""


def loads(text: str) -> Any:
    """Parse JSON; strings may hold line breaks, NaN and infinities are refused.

    Raises:
        MalformedCall: it is not JSON.
    """
    try:
        return _cleaned(json.loads(text, strict=False, parse_constant=_refuse))
    except (ValueError, RecursionError) as error:
        raise MalformedCall(str(error)) from error


def _refuse(constant: str) -> Any:
    raise MalformedCall(f"{constant} is no JSON")


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(each) for each in value]
    if isinstance(value, dict):
        return {clean(key): _cleaned(each) for key, each in value.items()}
    return value


def read_calls(value: Any, *, strict: bool) -> list[tuple[str, dict[str, Any]]]:
    """Return the calls in a JSON value: an object with name and arguments, or a list of such objects.

    Args:
        value: parsed JSON.
        strict: require arguments, even empty ones.

    Raises:
        MalformedCall: it holds no calls.
    """
    each = value if isinstance(value, list) else [value]
    if not each:
        raise MalformedCall("an empty list of calls")
    return [_read_call(item, strict=strict) for item in each]


def _read_call(item: Any, *, strict: bool) -> tuple[str, dict[str, Any]]:
    if not isinstance(item, dict):
        raise MalformedCall("a call must be an object")
    inner = item.get("function")
    if isinstance(inner, dict):
        return _read_call(inner, strict=strict)
    name = next((item[key] for key in NAME_KEYS if isinstance(item.get(key), str)), "").strip()
    key = next((key for key in ARGUMENT_KEYS if key in item), None)
    if not name or (strict and key is None):
        raise MalformedCall("a call needs a name and arguments")
    return name, as_arguments(item[key] if key is not None else {})


def as_arguments(value: Any) -> dict[str, Any]:
    """Return arguments as an object, also from a string of JSON or null."""
    if isinstance(value, str):
        value = loads(value) if value.strip() else {}
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedCall("arguments must be an object")
    return value


def convert_types(name: str, arguments: Mapping[str, str | Any], tools: Tools) -> dict[str, Any]:
    properties = tools.get(name, {}).get("properties", {})
    return {key: _convert(value, _types(properties.get(key))) for key, value in arguments.items()}


def _types(schema: Any) -> set[str]:
    if not isinstance(schema, Mapping):
        return set()
    stated = schema.get("type", ())
    types = {stated} if isinstance(stated, str) else set(stated)
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        types |= _types(choice)
    return types


def _convert(value: Any, types: set[str]) -> Any:
    """Convert a string to the first matching type; unchanged if none matches."""
    if not isinstance(value, str) or not types:
        return value
    bare = value.strip()
    if "null" in types and bare.casefold() in {"null", "none"}:
        return None
    if "string" in types:
        return value
    if "boolean" in types and bare.casefold() in {"true", "false"}:
        return bare.casefold() == "true"
    return _read_as(bare, types, value)


def _read_as(bare: str, types: set[str], otherwise: str) -> Any:
    try:
        read = loads(bare)
    except MalformedCall:
        return otherwise
    if "integer" in types and isinstance(read, float) and read.is_integer():
        return int(read)
    return read if _kind(read) & types else otherwise


def _kind(value: Any) -> set[str]:
    if isinstance(value, bool):
        return {"boolean"}
    kinds = {int: {"integer", "number"}, float: {"number"}, list: {"array"}, dict: {"object"}}
    return kinds.get(type(value), set())
