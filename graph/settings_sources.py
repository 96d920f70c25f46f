"""Where settings are written down: the user's own file, `goat.toml`, `.env` and the environment."""

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from platformdirs import user_config_path
from pydantic_settings import BaseSettings, TomlConfigSettingsSource

from graph.tuned_settings import TABLES
from memory.errors import ConfigError

PREFIX = "GOAT_"
CONFIG_FILE = Path("goat.toml")
ENV_FILE = Path(".env")
_OF_AN_ADDRESS = frozenset({"model_api_key", "model_context"})
"""What holds at one model endpoint, and must not be sent to another."""
UNREADABLE = (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError)


class FlatToml(TomlConfigSettingsSource):
    """`goat.toml`, whose tables are joined with their keys: `rule` under `[gap]` is `gap_rule`."""

    def __call__(self) -> dict[str, Any]:
        """Return the file's settings by their flat names."""
        return dict(flatten(super().__call__()))


class UserToml(FlatToml):
    """The user's own file. Its key is for the address that stands beside it, and goes to no other."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        super().__init__(settings_cls, toml_file=user_file() if _is_there(user_file()) else None)

    def __call__(self) -> dict[str, Any]:
        """Return the file's settings by their flat names; none that belong to another address."""
        given = super().__call__()
        return {name: value for name, value in given.items() if name not in _with_another_address()}


def user_file() -> Path:
    """Return where the user's own settings stand; `goat setup` writes them."""
    return user_config_path("goat", appauthor=False) / CONFIG_FILE


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
        dotenv = dotenv_values(ENV_FILE) if ENV_FILE.is_file() else {}
    except UNREADABLE as error:
        raise cannot_be_read(str(ENV_FILE), error) from None
    return {
        str(user_file()): flatten(_toml(user_file())),
        str(CONFIG_FILE): flatten(_toml(CONFIG_FILE)),
        str(ENV_FILE): _ours(dotenv),
        "the environment": _ours(os.environ),
    }


def _toml(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")) if _is_there(path) else {}
    except UNREADABLE as error:
        raise cannot_be_read(str(path), error) from None


def _is_there(path: Path) -> bool:
    """Say whether there is a file; in a folder that may not be entered, such as a home, there is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def cannot_be_read(what: str, error: Exception) -> ConfigError:
    """Say which file cannot be read, and what to do."""
    return ConfigError(f"{what} cannot be read: {error}. Mend or remove it.")


def _ours(environ: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    for key, value in environ.items():
        if key.upper().startswith(PREFIX):
            yield key[len(PREFIX) :].lower(), value or ""


def overriding(names: Iterable[str], file: Path = CONFIG_FILE) -> dict[str, str]:
    """Return those of the settings that sources above `file` decide, each with the source that does."""
    given = {source: dict(pairs) for source, pairs in given_by_source().items()}
    above = list(given)[list(given).index(str(file)) + 1 :]
    return {name: source for source in above for name in names if name in given[source]}


def _with_another_address() -> frozenset[str]:
    return _OF_AN_ADDRESS if overriding(["model_base_url"], user_file()) else frozenset()
