"""Edits of the user's configuration file that keep its other content and comments."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

import tomlkit
from tomlkit.exceptions import ParseError

from graph.settings.settings_files import ENCODING, explain_os_errors, replace_file, unreadable_error
from graph.settings.sources import flatten, user_file
from graph.tuning.toml_edit import places
from memory.errors import ConfigError

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
_HEAD = "# Written by `goat setup`. All settings are listed in docs/configuration.md.\n\n"

Value = str | int | None
"""None removes the setting."""


def write(values: Mapping[str, Value]) -> Path:
    """Write settings to the user's file, readable only by the user; return its path.

    Raises:
        ConfigError: the file cannot be read, written or edited safely; it stays unchanged.
    """
    path = Path(os.path.realpath(user_file()))
    with explain_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
        text = path.read_bytes().decode(ENCODING) if path.exists() else _HEAD
        replace_file(path, edit(text, values).encode(), mode=PRIVATE_FILE)
    return path


def edit(text: str, values: Mapping[str, Value]) -> str:
    """Return a TOML text with other values, each in its place or above the tables.

    Raises:
        ConfigError: the text is not TOML, or has a layout that cannot be edited safely.
    """
    try:
        document = tomlkit.parse(text)
    except ParseError as error:
        raise unreadable_error(str(user_file()), error) from None
    for name, value in values.items():
        there = list(places(document, name))
        for table, key in there:
            if value is None:
                del table[key]
            else:
                table[key] = value
        if not there and value is not None:
            document[name] = value
    written = tomlkit.dumps(document)
    _check(text, written, values)
    return written


def _check(text: str, written: str, values: Mapping[str, Value]) -> None:
    """Check that only the values have changed."""
    wanted = {**dict(flatten(tomllib.loads(text))), **values}
    expected = {name: value for name, value in wanted.items() if value is not None}
    if dict(flatten(tomllib.loads(written))) != expected:
        raise ConfigError(
            f"{user_file()} is laid out in a way that cannot be edited with certainty. "
            "Write each setting once, as `name = value` above the tables."
        )
