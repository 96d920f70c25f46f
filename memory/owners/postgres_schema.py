"""The tables of all owners in PostgreSQL: their migrations, and a search of one owner's for texts."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from memory.database import Database
from memory.errors import TierCorrupt, TierUnavailable
from memory.text.text import written_forms

if TYPE_CHECKING:  # psycopg is in an extra
    from memory.owners.postgres_sql import Connection

SCHEMA: Final = "goat"
OWNER: Final = "goat.owner"
"""The setting of a transaction that says whose rows it sees."""
ANY_OWNER: Final = "*"
"""Its value for the list of owners; it shows no other table's rows."""
PARTITIONS: Final = 8
_MIGRATING: Final = 0x676F6174  # advisory lock, "goat"

_TEXT: Final = 'text COLLATE "C" NOT NULL'
_VECTORS: Final = (
    "id bigint, first bigint NOT NULL, last bigint NOT NULL, small_talk float8 NOT NULL,"
    " vector bytea NOT NULL"
)
TABLES: Final = {
    "owner": ("name bytea NOT NULL", ""),
    "meta": (f"key {_TEXT}, value bytea", "key"),
    "episodes": (
        f"seq bigint DEFAULT nextval('{SCHEMA}.seqs'), turn_id {_TEXT}, thread {_TEXT}, message {_TEXT},"
        f" reply {_TEXT}, at bigint NOT NULL, tags {_TEXT}, access_count bigint NOT NULL DEFAULT 0,"
        f" provenance {_TEXT} DEFAULT '', parts bigint, parts_2 bigint",
        "seq",
    ),
    "keys": (f"key {_TEXT}, seq bigint", "key, seq"),
    "postings": (
        f"term {_TEXT}, seq bigint, said bigint NOT NULL, recited bigint NOT NULL, length bigint NOT NULL",
        "term, seq",
    ),
    "vectors": (_VECTORS, "id"),
    "vectors_2": (_VECTORS, "id"),
    "facts": (
        f"seq bigint DEFAULT nextval('{SCHEMA}.seqs'), identifier {_TEXT}, key {_TEXT},"
        ' value text COLLATE "C", at bigint NOT NULL',
        "seq",
    ),
    "identities": (
        f"seq bigint DEFAULT nextval('{SCHEMA}.seqs'), text text COLLATE \"C\", at bigint NOT NULL",
        "seq",
    ),
    "feedback": (
        f"turn_id {_TEXT}, good bigint NOT NULL, decisions {_TEXT}, at bigint NOT NULL",
        "turn_id",
    ),
    "observations": (f"turn_id {_TEXT}, at bigint NOT NULL, observation bytea NOT NULL", "turn_id"),
    "labels": (
        f"turn_id {_TEXT}, memory {_TEXT}, relevant bigint NOT NULL, at bigint NOT NULL",
        "turn_id, memory",
    ),
    "removed": (f"turn_id {_TEXT}", "turn_id"),
}
"""Columns and key of each table, apart from the owner; they are those of `memory.owners.owner_schema`."""
TEXTS: Final = {
    table: [column.split()[0] for column in columns.split(", ") if column.split()[1] == "text"]
    for table, (columns, _) in TABLES.items()
}
"""Columns of each table that hold text."""
_INDEXES: Final = (
    "UNIQUE INDEX ON episodes (owner, turn_id)",
    "INDEX ON episodes (owner, at, seq)",
    "INDEX ON episodes (owner, thread, seq)",
    "INDEX ON episodes (owner, seq) WHERE parts IS NULL",
    "INDEX ON episodes (owner, seq) WHERE parts_2 IS NULL",
    "INDEX ON facts (owner, identifier, at, seq)",
    "INDEX ON observations (owner, at, turn_id)",
)

_LISTED: Final = """
    CREATE FUNCTION listed(list text) RETURNS TABLE (value text) LANGUAGE sql VOLATILE ROWS 1
    AS 'SELECT json_array_elements_text(list::json)'
"""
"""SQLite's `json_each`. The planner believes ROWS 1 only of a function that it cannot inline (VOLATILE)."""


def _first() -> Iterator[str]:
    """Yield the statements that make the tables.

    Row-level security is forced on the tables' role too, so that a statement without a filter sees the rows
    of one owner; partitions have no policy, so that none of their rows can be read directly.
    """
    yield f"CREATE SEQUENCE {SCHEMA}.seqs"
    yield _LISTED
    own = f"owner = current_setting('{OWNER}')"
    for table, (columns, key) in TABLES.items():
        keys = f"owner, {key}" if key else "owner"
        owner = f"owner {_TEXT} DEFAULT current_setting('{OWNER}')"
        yield f"CREATE TABLE {table} ({owner}, {columns}, PRIMARY KEY ({keys})) PARTITION BY HASH (owner)"
        for number in range(PARTITIONS):
            values = f"FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {number})"
            yield f"CREATE TABLE {table}_p{number} PARTITION OF {table} {values}"
            yield from _secured(f"{table}_p{number}")
        yield from _secured(table)
        yield f"CREATE POLICY own ON {table} USING ({own})"
    yield f"CREATE POLICY listed ON owner FOR SELECT USING (current_setting('{OWNER}') = '{ANY_OWNER}')"
    yield from (f"CREATE {index}" for index in _INDEXES)


def _secured(table: str) -> Iterator[str]:
    yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
    yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"


_MIGRATIONS: Final[Sequence[Sequence[str]]] = (tuple(_first()),)
"""Statements of each version."""
VERSION: Final = len(_MIGRATIONS)


def prepare(connection: "Connection", tier: str) -> None:
    """Create or migrate the tables, once for all processes.

    Raises:
        TierUnavailable: row-level security does not hold for the role, so one owner could see another's rows.
        TierCorrupt: the tables are of a newer version.
    """
    _check_role(connection, tier)
    connection.execute(f"SET search_path = {SCHEMA}".encode())
    if _version(connection) != VERSION:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATING,))
            _migrate(connection, tier)


def _migrate(connection: "Connection", tier: str) -> None:
    found = _version(connection)
    if found > VERSION:
        raise TierCorrupt(tier, "the archive was written by a newer version; upgrade goat2 to read it")
    if not found:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}".encode())
        connection.execute("CREATE TABLE version (number bigint NOT NULL)")
        connection.execute("INSERT INTO version (number) VALUES (0)")
    for statement in (statement for steps in _MIGRATIONS[found:] for statement in steps):
        connection.execute(statement.encode())
    connection.execute(f"UPDATE version SET number = {VERSION}".encode())  # noqa: S608


def _version(connection: "Connection") -> int:
    there = "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = 'version'"
    if connection.execute(there, (SCHEMA,)).fetchone() is None:
        return 0
    row = connection.execute(f"SELECT number FROM {SCHEMA}.version".encode()).fetchone()  # noqa: S608
    return int(row[0]) if row else 0


def _check_role(connection: "Connection", tier: str) -> None:
    sql = "SELECT rolname FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)"
    if (row := connection.execute(sql).fetchone()) is not None:
        raise TierUnavailable(
            tier,
            f"the role {row[0]} of GOAT_ARCHIVE_URL may see every owner's rows (SUPERUSER or BYPASSRLS);"
            " use one that may not: CREATE ROLE goat LOGIN PASSWORD '...'; CREATE DATABASE goat OWNER goat",
        )


def tables_with(db: Database, texts: Sequence[str]) -> list[str]:
    """Return the tables that hold one of the texts in a column of text, as it is or in JSON."""
    forms = tuple(dict.fromkeys(form for text in texts for form in written_forms(text)))
    return [
        table for table, columns in TEXTS.items() if columns and forms and _has(db, table, columns, forms)
    ]


def _has(db: Database, table: str, columns: Sequence[str], forms: Sequence[str]) -> bool:
    places = range(1, len(forms) + 1)
    sql = " OR ".join(f"strpos({column}, ?{place}) > 0" for column in columns for place in places)
    return db.execute(f"SELECT 1 FROM {table} WHERE {sql} LIMIT 1", forms).fetchone() is not None  # noqa: S608
