"""Edits of `goat.toml` that keep comments, order and blank lines."""

import tomllib
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import tomlkit
from tomlkit.items import Table

from graph.settings.context import TABLES, TunedSettings
from graph.settings.sources import flatten
from memory.errors import ConfigError
from memory.recall.relevance import Calibration
from memory.tuning.tuning_result import Tuned

_CALIBRATIONS, _TUNED = "calibrations", "tuned"
_NOTE = "Written by `goat tune apply`; `goat tune rollback` returns to the file before."


def edit_toml(text: str, tuned: Tuned, *, new: Mapping[str, Calibration]) -> str:
    """Return the text with tuned thresholds, set in place or else added to the table of their prefix.

    Args:
        text: a file that the settings accept.
        tuned: the thresholds and the record of their tuning.
        new: calibrations to add, by name.

    Raises:
        ConfigError: the layout of the text cannot be edited safely.
    """
    document = tomlkit.parse(text)
    for name, value in tuned.thresholds.items():
        _set(document, name, value)
    _add_calibrations(document, new)
    note = _table(tuned.model_dump())
    note.comment(_NOTE)
    _put(document, _TUNED, note)
    written = tomlkit.dumps(document)
    _check(text, written, tuned, new)
    return written


def _set(document: tomlkit.TOMLDocument, name: str, value: Any) -> None:
    found = list(places(document, name))
    for table, key in found:
        table[key] = value
    if not found:
        group, _, key = name.partition("_")
        if group not in document:
            _put(document, group, tomlkit.table())
        _as_table(document[group])[key] = value


def places(table: MutableMapping[str, Any], name: str) -> Iterator[tuple[MutableMapping[str, Any], str]]:
    """Yield each table and key of a setting: its whole name, or with parts of the name as tables."""
    for key, value in table.items():
        if isinstance(value, MutableMapping):
            if name.startswith(f"{key}_"):
                yield from places(value, name.removeprefix(f"{key}_"))
        elif key == name:
            yield table, key


def _add_calibrations(document: tomlkit.TOMLDocument, new: Mapping[str, Calibration]) -> None:
    if new and _CALIBRATIONS not in document:
        document.add(_CALIBRATIONS, tomlkit.table(is_super_table=True))
    for name, calibration in new.items():
        _as_table(document[_CALIBRATIONS])[name] = _table(calibration.model_dump(mode="json"), deep=1)


def _put(document: tomlkit.TOMLDocument, name: str, table: Table) -> None:
    """Replace a table, or append it after a blank line."""
    if name not in document and document.body:
        document.add(tomlkit.nl())
    document[name] = table


def _table(values: Mapping[str, Any], deep: int = 0) -> Table:
    """Return a table; values nested deeper than `deep` become inline tables."""
    table, later = tomlkit.table(), {}
    for key, value in values.items():
        if not isinstance(value, Mapping):
            table.add(key, value)
        elif deep and any(isinstance(one, Mapping) for one in value.values()):
            later[key] = _table(value, deep - 1)
        elif value:
            inline = tomlkit.inline_table()
            inline.update(value)
            table.add(key, inline)
    for key, nested in later.items():
        table.add(key, nested)
    return table


def _as_table(item: Any) -> MutableMapping[str, Any]:
    if not isinstance(item, MutableMapping):
        raise ConfigError("goat.toml gives a table's name to a value. Write the settings under flat names.")
    return item


def _check(text: str, written: str, tuned: Tuned, new: Mapping[str, Calibration]) -> None:
    """Parse the edited text as the settings do, and check that nothing else has changed."""
    before, after = (dict(flatten(tomllib.loads(one))) for one in (text, written))
    tables = TunedSettings.model_validate({key: after.pop(key) for key in TABLES & after.keys()})
    former = TunedSettings.model_validate({key: before.pop(key) for key in TABLES & before.keys()})
    expected = TunedSettings(calibrations={**former.calibrations, **new}, tuned=tuned)
    if after != {**before, **tuned.thresholds} or tables != expected:
        raise ConfigError(
            "goat.toml is laid out in a way that cannot be edited safely. "
            "Write each setting once, as `name = value` above the tables."
        )
