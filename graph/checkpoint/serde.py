"""Serializer of checkpoints: messages, plain values, and the types of the state and the memory."""

from collections.abc import Mapping
from dataclasses import is_dataclass
from enum import Enum
from functools import cache
from inspect import getmembers, isclass
from types import ModuleType
from typing import Any, cast, get_type_hints

from langchain_core.messages import AnyMessage, BaseMessage, RemoveMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import TypeAdapter

from graph import exchange
from graph.state import turn_state
from graph.state.reducers import is_plain, read_plain
from graph.state.turn_state import State
from memory import models, provenance

_MESSAGES = "messages"
FORMER_STATE = "graph.state"
"""Module that checkpoints of earlier versions name for the state's types."""
_OWN = (turn_state, exchange)
_OWN_NAMES = {module.__name__ for module in _OWN}
_MERGED = frozenset({"messages"})
"""Converted by their own reducer."""


class StateSerializer(JsonPlusSerializer):
    """Writes the state's dataclasses and lists of messages as JSON, several times as fast as msgpack.

    Other values use LangGraph's format; types outside LangGraph and the state are refused on reading.
    """

    def __init__(self) -> None:
        super().__init__(
            allowed_msgpack_modules=[
                *(kind for module in (*_OWN, models, provenance) for kind in _types(module)),
                *((FORMER_STATE, name) for module in _OWN for _, name in _types(module)),
            ]
        )

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Return the type tag of `obj` and its bytes."""
        kind = type(obj).__name__ if type(obj).__module__ in _OWN_NAMES else ""
        if (
            isinstance(obj, list)
            and obj
            and all(isinstance(one, BaseMessage) and not isinstance(one, RemoveMessage) for one in obj)
        ):
            kind = _MESSAGES
        adapter = _adapters().get(kind)
        return (kind, adapter.dump_json(obj)) if adapter else super().dumps_typed(obj)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Decode what `dumps_typed` wrote."""
        kind, raw = data
        adapter = _adapters().get(kind)
        return adapter.validate_json(raw) if adapter else super().loads_typed(data)

    @staticmethod
    def revive_channel(channel: str, value: Any) -> Any:
        """Convert a channel's value from plain JSON; other values are returned unchanged.

        Raises:
            BadState: the channel cannot hold the value; names the wrong place.
        """
        if channel not in _channel_adapters() or not is_plain(value):
            return value
        return read_plain(channel, _channel_adapters()[channel], value)


@cache
def _adapters() -> dict[str, TypeAdapter[Any]]:
    kinds: list[type] = [getattr(module, name) for module in _OWN for _, name in _types(module)]
    own = [kind for kind in kinds if is_dataclass(kind)]
    return {kind.__name__: TypeAdapter(kind) for kind in own} | {_MESSAGES: TypeAdapter(list[AnyMessage])}


def _types(module: ModuleType) -> list[tuple[str, str]]:
    """List the dataclasses and enumerations that a module defines."""
    return [
        (module.__name__, name)
        for name, kind in getmembers(module, isclass)
        if kind.__module__ == module.__name__ and (is_dataclass(kind) or issubclass(kind, Enum))
    ]


def revive_state(state: State) -> State:
    """Convert every value of a state that is plain JSON; see `StateSerializer.revive_channel`."""
    revive = StateSerializer.revive_channel
    return cast("State", {channel: revive(channel, value) for channel, value in state.items()})


@cache
def _channel_adapters() -> Mapping[str, TypeAdapter[Any]]:
    hints = get_type_hints(State)
    return {name: TypeAdapter(kind) for name, kind in hints.items() if name not in _MERGED}
