"""Arguments of a written call: JSON read strictly, and strings turned into what the schema asks for."""

import json
from collections.abc import Mapping
from typing import Any

from memory.text.text import clean

NAME_KEYS = ("name", "tool", "tool_name", "function")
ARGUMENT_KEYS = ("arguments", "parameters", "args", "input")
Tools = Mapping[str, Mapping[str, Any]]


class Unreadable(ValueError):
    """What stands where a call should be is none."""


def loads(text: str) -> Any:
    """Read JSON; line breaks may stand in strings, NaN and infinities may not.

    Raises:
        Unreadable: it is none.
    """
    try:
        return _cleaned(json.loads(text, strict=False, parse_constant=_refuse))
    except (ValueError, RecursionError) as error:
        raise Unreadable(str(error)) from error


def _refuse(constant: str) -> Any:
    raise Unreadable(f"{constant} is no JSON")


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(each) for each in value]
    if isinstance(value, dict):
        return {clean(key): _cleaned(each) for key, each in value.items()}
    return value


def named(value: Any, *, strict: bool) -> list[tuple[str, dict[str, Any]]]:
    """Return the calls that a JSON value states: an object with name and arguments, or a list of them.

    Args:
        value: as read.
        strict: the arguments must be stated, even when there are none.

    Raises:
        Unreadable: it states none.
    """
    each = value if isinstance(value, list) else [value]
    if not each:
        raise Unreadable("an empty list of calls")
    return [_named(item, strict=strict) for item in each]


def _named(item: Any, *, strict: bool) -> tuple[str, dict[str, Any]]:
    if not isinstance(item, dict):
        raise Unreadable("a call is an object")
    inner = item.get("function")
    if isinstance(inner, dict):
        return _named(inner, strict=strict)
    name = next((item[key] for key in NAME_KEYS if isinstance(item.get(key), str)), "").strip()
    key = next((key for key in ARGUMENT_KEYS if key in item), None)
    if not name or (strict and key is None):
        raise Unreadable("a call has a name and arguments")
    return name, as_arguments(item[key] if key is not None else {})


def as_arguments(value: Any) -> dict[str, Any]:
    """Return arguments as an object; they may be JSON within a string, or null."""
    if isinstance(value, str):
        value = loads(value) if value.strip() else {}
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unreadable("arguments are an object")
    return value


def typed(name: str, arguments: Mapping[str, str | Any], tools: Tools) -> dict[str, Any]:
    """Return arguments with strings turned into the types that the schema of the tool asks for."""
    properties = tools.get(name, {}).get("properties", {})
    return {key: _typed(value, _types(properties.get(key))) for key, value in arguments.items()}


def _types(schema: Any) -> set[str]:
    if not isinstance(schema, Mapping):
        return set()
    stated = schema.get("type", ())
    types = {stated} if isinstance(stated, str) else set(stated)
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        types |= _types(choice)
    return types


def _typed(value: Any, types: set[str]) -> Any:
    """Return a string as the first type of the schema it can be read as; as it is when it is none."""
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
    except Unreadable:
        return otherwise
    if "integer" in types and isinstance(read, float) and read.is_integer():
        return int(read)
    return read if _kind(read) & types else otherwise


def _kind(value: Any) -> set[str]:
    if isinstance(value, bool):
        return {"boolean"}
    kinds = {int: {"integer", "number"}, float: {"number"}, list: {"array"}, dict: {"object"}}
    return kinds.get(type(value), set())
