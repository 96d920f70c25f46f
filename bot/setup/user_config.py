"""The user's own configuration file, changed in place: what else stands in it stays, comments too."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

import tomlkit
from tomlkit.exceptions import ParseError

from graph.settings.atomic_file import swap, told
from graph.settings.settings_files import cannot_be_read
from graph.settings.sources import flatten, user_file
from graph.tuning.toml_edit import places
from memory.errors import ConfigError

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
_HEAD = "# Written by `goat setup`. All settings are listed in docs/configuration.md.\n\n"

Value = str | int | None
"""None: it is not to stand there."""


def write(values: Mapping[str, Value]) -> Path:
    """Put settings into the user's own file, readable by its owner alone; return where it is.

    Raises:
        ConfigError: the file cannot be read or written, or not edited with certainty. It stays as it was.
    """
    path = Path(os.path.realpath(user_file()))
    with told(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
        text = path.read_bytes().decode() if path.exists() else _HEAD
        swap(path, edited(text, values).encode(), mode=PRIVATE_FILE)
    return path


def edited(text: str, values: Mapping[str, Value]) -> str:
    """Return a TOML file's text with other values, each where it stands, or else above the tables.

    Raises:
        ConfigError: it is no TOML, or laid out in a way that cannot be edited with certainty.
    """
    try:
        document = tomlkit.parse(text)
    except ParseError as error:
        raise cannot_be_read(str(user_file()), error) from None
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
    """See that nothing but the values has changed."""
    wanted = {**dict(flatten(tomllib.loads(text))), **values}
    expected = {name: value for name, value in wanted.items() if value is not None}
    if dict(flatten(tomllib.loads(written))) != expected:
        raise ConfigError(
            f"{user_file()} is laid out in a way that cannot be edited with certainty. "
            "Write each setting once, as `name = value` above the tables."
        )
