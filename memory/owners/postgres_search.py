"""A search of one owner's tables in PostgreSQL for texts."""

import json
from collections.abc import Iterator, Sequence

from memory.database import Database
from memory.owners.postgres_schema import TEXTS


def tables_with(db: Database, texts: Sequence[str]) -> list[str]:
    """Return the tables that hold one of the texts in a column of text, as it is or in JSON."""
    forms = tuple(dict.fromkeys(form for text in texts for form in _forms(text)))
    return [
        table for table, columns in TEXTS.items() if columns and forms and _has(db, table, columns, forms)
    ]


def _has(db: Database, table: str, columns: Sequence[str], forms: Sequence[str]) -> bool:
    places = range(1, len(forms) + 1)
    sql = " OR ".join(f"strpos({column}, ?{place}) > 0" for column in columns for place in places)
    return db.execute(f"SELECT 1 FROM {table} WHERE {sql} LIMIT 1", forms).fetchone() is not None  # noqa: S608


def _forms(text: str) -> Iterator[str]:
    yield text
    for ascii_only in (True, False):
        yield json.dumps(text, ensure_ascii=ascii_only)[1:-1]
