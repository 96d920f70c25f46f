"""Values that come as plain JSON, as those do that were edited in Studio."""

from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from memory.errors import BadState

T = TypeVar("T")


def is_plain(value: object) -> bool:
    """Say whether a value is of JSON, or a list with such values."""
    if isinstance(value, list | tuple):
        return any(map(is_plain, value))
    return value is None or isinstance(value, dict | str | int | float)


def read_plain(channel: str, kind: TypeAdapter[T], value: object) -> T:
    """Return what the plain value of a key of the state stands for.

    Raises:
        BadState: it stands for nothing that the key may hold; says where it is wrong.
    """
    try:
        return kind.validate_python(value)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join([channel, *map(str, one['loc'])])}: {one['msg']}" for one in error.errors()[:3]
        )
        raise BadState(f"This cannot stand in the state: {wrong}. Leave it as it was, or go on.") from None
