"""What may stand in a checkpoint: messages, plain values, and the types of the state and of the memory."""

from dataclasses import is_dataclass
from enum import Enum
from inspect import getmembers, isclass
from types import ModuleType

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from graph import state
from memory import models


def checkpoint_serde() -> JsonPlusSerializer:
    """Return a serializer that reads back the state's own types, and refuses others than LangGraph's."""
    return JsonPlusSerializer(allowed_msgpack_modules=[*_types(state), *_types(models)])


def _types(module: ModuleType) -> list[tuple[str, str]]:
    """List the dataclasses and enumerations that a module defines."""
    return [
        (module.__name__, name)
        for name, kind in getmembers(module, isclass)
        if kind.__module__ == module.__name__ and (is_dataclass(kind) or issubclass(kind, Enum))
    ]
