"""Values in SQLite columns: times as whole microseconds, text as UTF-8."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Return `at` as microseconds since the epoch, exactly.

    Raises:
        ValueError: `at` has no time zone.
    """
    if at.utcoffset() is None:
        raise ValueError(f"{at.isoformat()} has no time zone; times in the memory are timezone-aware")
    return (at - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    return EPOCH + micros * MICROSECOND


def require_utf8(text: str, what: str) -> str:
    """Return `text` when it can be stored as UTF-8.

    Raises:
        ValueError: it holds a lone surrogate; names `what` and the place.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{what} holds a lone surrogate at character {error.start}, which no store can keep; "
            "clean text before it is stored"
        ) from error
    return text
