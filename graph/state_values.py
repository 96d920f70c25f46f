"""What the plain values of the state's keys stand for."""

from collections.abc import Mapping
from functools import cache
from typing import Any, cast, get_type_hints

from pydantic import TypeAdapter

from graph.plain_values import is_plain, read_plain
from graph.state import State

_MERGED = frozenset({"messages"})
"""Read as values by their own reducer."""


def revived(channel: str, value: Any) -> Any:
    """Return what a key's plain value stands for; a value that is none of JSON's is returned as it is.

    Raises:
        BadState: it stands for nothing that the key may hold; says where it is wrong.
    """
    if channel not in _adapters() or not is_plain(value):
        return value
    return read_plain(channel, _adapters()[channel], value)


def revived_state(state: State) -> State:
    """Return a state of which no value is plain JSON any more; see `revived`."""
    return cast("State", {channel: revived(channel, value) for channel, value in state.items()})


@cache
def _adapters() -> Mapping[str, TypeAdapter[Any]]:
    hints = get_type_hints(State)
    return {name: TypeAdapter(kind) for name, kind in hints.items() if name not in _MERGED}
