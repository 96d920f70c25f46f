"""Where settings are written down: `goat.toml`, `.env` and the environment."""

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic_settings import TomlConfigSettingsSource

from graph.tuned_settings import TABLES
from memory.errors import ConfigError

PREFIX = "GOAT_"
CONFIG_FILE = Path("goat.toml")
ENV_FILE = Path(".env")
UNREADABLE = (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError)


class FlatToml(TomlConfigSettingsSource):
    """`goat.toml`, whose tables are joined with their keys: `rule` under `[gap]` is `gap_rule`."""

    def __call__(self) -> dict[str, Any]:
        """Return the file's settings by their flat names."""
        return dict(flatten(super().__call__()))


def flatten(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested tables under names joined by `_`; of `TABLES` the tables themselves."""
    for key, value in table.items():
        if isinstance(value, dict) and (prefix or key not in TABLES):
            yield from flatten(value, f"{prefix}{key}_")
        else:
            yield f"{prefix}{key}", value


def given_by_source() -> dict[str, Iterable[tuple[str, Any]]]:
    """Return what each source holds, in rising order of precedence."""
    try:
        toml = tomllib.loads(CONFIG_FILE.read_text(encoding="utf-8")) if CONFIG_FILE.is_file() else {}
    except UNREADABLE as error:
        raise cannot_be_read(str(CONFIG_FILE), error) from None
    try:
        dotenv = dotenv_values(ENV_FILE) if ENV_FILE.is_file() else {}
    except UNREADABLE as error:
        raise cannot_be_read(str(ENV_FILE), error) from None
    return {
        str(CONFIG_FILE): flatten(toml),
        str(ENV_FILE): _ours(dotenv),
        "the environment": _ours(os.environ),
    }


def cannot_be_read(what: str, error: Exception) -> ConfigError:
    """Say which file cannot be read, and what to do."""
    return ConfigError(f"{what} cannot be read: {error}. Mend or remove it.")


def _ours(environ: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    for key, value in environ.items():
        if key.upper().startswith(PREFIX):
            yield key[len(PREFIX) :].lower(), value or ""


def overriding(names: Iterable[str]) -> dict[str, str]:
    """Return those of the settings that `goat.toml` does not decide, each with the source that does."""
    given = {source: dict(pairs) for source, pairs in given_by_source().items() if source != str(CONFIG_FILE)}
    return {name: source for source, pairs in given.items() for name in names if name in pairs}
