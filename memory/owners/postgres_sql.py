"""One owner's tables in PostgreSQL, addressed in the SQL of `memory.database`."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from typing import Any, Final

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.errors import DatatypeMismatch, UndefinedFunction
from psycopg.pq import Format
from psycopg.raw_cursor import RawCursor, RawServerCursor
from psycopg.types.numeric import Int8BinaryDumper

from memory.database import Rows, Value

Connection = psycopg.Connection[Any]
PAGE: Final = 500
"""Rows of a long result that are in memory at once."""
_OTHERWISE: Final = {
    "IN (SELECT value FROM json_each(?))": "= ANY(ARRAY(SELECT value FROM listed(?)))",
    "IN (SELECT CAST(value AS BIGINT) FROM json_each(?))": "= ANY(ARRAY(SELECT value::int8 FROM listed(?)))",
    "json_each(": "listed(",
    "json_group_array(": "json_agg(",
    "json_array(": "json_build_array(",
    "json((": "((",
    "INSTR(": "STRPOS(",
    "ON CONFLICT (": "ON CONFLICT (owner, ",
}
"""SQL that PostgreSQL writes differently, or needs in another form to use an index. Keys include the owner,
since owners share the tables.
"""
_DIFFERENT: Final = re.compile("|".join(map(re.escape, _OTHERWISE)))
_LISTED: Final = re.compile(r"group_concat\((\w+)\)")
_PLACE: Final = re.compile(r"\?(\d*)")
_NUL, _ESCAPE = "\0", "\x1a"


class PostgresDatabase:
    """`Database` on a connection in a transaction that is limited to one owner.

    Args:
        connection: the connection.
        stream: read results as they are used, until `close`.
    """

    def __init__(self, connection: Connection, *, stream: bool = False) -> None:
        self._connection = connection
        self._stream = stream
        self._streams: list[RawServerCursor[Any]] = []

    def execute(self, sql: str, parameters: Sequence[Value] = (), /) -> Rows:
        """Run a statement.

        Raises:
            ValueError: a column cannot hold a value.
        """
        with _named_values():
            return self._execute(translate(sql), parameters)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Value]], /) -> Rows:
        """Run a statement with each of several rows; raises as `execute` does."""
        cursor = RawCursor(self._connection)
        with _named_values():
            cursor.executemany(translate(sql), parameters)
        return cursor

    def close(self) -> None:
        """Close the results that were read as they were used."""
        for streamed in self._streams:
            streamed.close()

    def _execute(self, sql: bytes, parameters: Sequence[Value]) -> Rows:
        if self._stream:
            streamed = RawServerCursor(self._connection, f"goat_{len(self._streams)}")
            self._streams.append(streamed)
            streamed.itersize = PAGE
            return streamed.execute(sql, parameters, binary=True)
        return RawCursor(self._connection).execute(sql, parameters, binary=True)


@contextmanager
def _named_values() -> Iterator[None]:
    """Raise ValueError for a value that a column cannot hold."""
    try:
        yield
    except (psycopg.DataError, DatatypeMismatch, UndefinedFunction) as error:
        raise ValueError(str(error)) from error
    except psycopg.ProgrammingError as error:
        if error.sqlstate is None:  # Python's type has no equivalent
            raise ValueError(str(error)) from error
        raise


@lru_cache(maxsize=1024)
def translate(sql: str) -> bytes:
    """Translate a statement to PostgreSQL's dialect, with numbered placeholders."""
    places = count(1)
    text = _DIFFERENT.sub(lambda found: _OTHERWISE[found[0]], _ignoring(sql))
    text = _LISTED.sub(r"string_agg(\1::text, ',')", text)
    return _PLACE.sub(lambda found: f"${found[1] or next(places)}", text).encode()


def _ignoring(sql: str) -> str:
    if "INSERT OR IGNORE" not in sql:
        return sql
    insert, returning, columns = sql.replace(" OR IGNORE", "", 1).partition(" RETURNING")
    return f"{insert} ON CONFLICT DO NOTHING{returning}{columns}"


class _TextDumper(Dumper):
    """Escapes NUL, which PostgreSQL's text cannot hold; the server infers the type."""

    def dump(self, obj: str) -> Buffer:
        return obj.replace(_ESCAPE, f"{_ESCAPE}1").replace(_NUL, f"{_ESCAPE}0").encode()


class _TextLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> str:
        text = bytes(data).decode()
        return text.replace(f"{_ESCAPE}0", _NUL).replace(f"{_ESCAPE}1", _ESCAPE) if _ESCAPE in text else text


def register(connection: Connection) -> None:
    """Make the connection pass values as SQLite's does: any text, and numbers of one type."""
    connection.adapters.register_dumper(str, _TextDumper)
    connection.adapters.register_dumper(int, Int8BinaryDumper)
    connection.adapters.register_loader("text", _TextLoader)
