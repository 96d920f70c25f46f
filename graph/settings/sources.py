"""Sources of settings: the user's file, `goat.toml`, `.env` and the environment."""

import io
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from graph.settings.context import TABLES
from graph.settings.settings_files import UNREADABLE, read_settings_file, unreadable_error
from graph.settings.trust import config_folder, effective_settings, untrusted_settings

PREFIX = "GOAT_"
CONFIG_FILE = Path("goat.toml")
ENV_FILE = Path(".env")
WORKING = (CONFIG_FILE, ENV_FILE)
"""Files of the working folder, in rising precedence."""
ENVIRONMENT = "the environment"
_BOUND_TO_ADDRESS = {
    "model_base_url": ("model_api_key", "model_context"),
    "embedding_base_url": ("embedding_api_key",),
    "transcription_base_url": ("transcription_api_key",),
    "vision_base_url": ("vision_api_key",),
    "letta_url": ("letta_token",),
}
"""Settings that belong to an address and must not be used with another."""

Sources = dict[str, dict[str, Any]]
"""Settings by source, in rising precedence."""


def user_file() -> Path:
    """Return the path of the user's settings, which `goat setup` writes."""
    return config_folder() / CONFIG_FILE


def flatten(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested tables, with keys joined by `_`; those in `TABLES` stay tables."""
    for key, value in table.items():
        if isinstance(value, dict) and (prefix or key not in TABLES):
            yield from flatten(value, f"{prefix}{key}_")
        else:
            yield f"{prefix}{key}", value


def read_sources() -> Sources:
    """Read all sources, untrusted settings included.

    Raises:
        ConfigError: a file cannot be read, or other users may have written it.
    """
    return {
        str(user_file()): _toml(user_file()),
        str(CONFIG_FILE): _toml(CONFIG_FILE),
        str(ENV_FILE): dict(_goat_variables(dotenv_values(stream=io.StringIO(read_settings_file(ENV_FILE))))),
        ENVIRONMENT: dict(_goat_variables(os.environ)),
    }


def effective_sources(given: Sources | None = None) -> Sources:
    """Return the settings in effect: untrusted files of the working folder may only tune.

    A key in the user's file is used only with the address in the same file.
    """
    held = read_sources() if given is None else dict(given)
    held |= {str(path): effective_settings(path, held[str(path)]) for path in WORKING}
    own, *others = held
    elsewhere = {name for source in others for name in held[source]}
    gone = {name for url, names in _BOUND_TO_ADDRESS.items() if url in elsewhere for name in names}
    held[own] = {name: value for name, value in held[own].items() if name not in gone}
    return held


def untrusted_by_file() -> dict[Path, dict[str, Any]]:
    """Return the settings of the working folder's files that need `goat trust`."""
    given = read_sources()
    found = {path: untrusted_settings(path, given[str(path)]) for path in WORKING}
    return {path: settings for path, settings in found.items() if settings}


def untrusted_warning() -> str:
    """Return a message about untrusted settings; "" without any."""
    files = [f"{', '.join(names)} in {path}" for path, names in untrusted_by_file().items()]
    if not files:
        return ""
    return (
        f"Ignored: {'; '.join(files)} of {Path.cwd()}. Files of a folder may only tune until you trust them. "
        "If they are yours, run `goat trust` there once."
    )


def overriding_sources(names: Iterable[str], file: Path = CONFIG_FILE) -> dict[str, str]:
    """Return the settings in `names` that a source above `file` overrides, each with that source."""
    given = effective_sources()
    above = list(given)[list(given).index(str(file)) + 1 :]
    return {name: source for source in above for name in names if name in given[source]}


def _toml(path: Path) -> dict[str, Any]:
    try:
        return dict(flatten(tomllib.loads(read_settings_file(path))))
    except UNREADABLE as error:
        raise unreadable_error(str(path), error) from None


def _goat_variables(environ: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    for key, value in environ.items():
        if key.upper().startswith(PREFIX):
            yield key[len(PREFIX) :].lower(), value or ""
