"""Trust in a working folder's configuration files, recorded by their content."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from graph.settings.context import TABLES, Thresholds
from graph.settings.settings_files import explain_os_errors, read_settings_file, replace_file

TRUST = "trust"
"""The setting that names a trusted folder; environment only."""
VARIABLE = f"GOAT_{TRUST.upper()}"
_FREE = TABLES | Thresholds.model_fields.keys()
"""Settings that untrusted files may set: they only select and show memory."""
_PRIVATE = 0o600

Given = Mapping[str, Any]
"""Settings by name, from one source."""


def config_folder() -> Path:
    return user_config_path("goat", appauthor=False)


def effective_settings(path: Path, given: Given) -> dict[str, Any]:
    held_back = untrusted_settings(path, given)
    return {name: value for name, value in given.items() if name not in held_back}


def untrusted_settings(path: Path, given: Given) -> dict[str, Any]:
    """Return those of a file's settings that need the user's trust."""
    wanting = {name: value for name, value in given.items() if name not in _FREE}
    if not wanting or _is_trusted(path) or _record().get(_place(path)) == _digest(wanting):
        return {}
    return wanting


def trust(path: Path, given: Given) -> None:
    """Trust a file while it gives these settings; tuning may change.

    Raises:
        ConfigError: the record cannot be written.
    """
    _write({**_record(), _place(path): _digest(untrusted_settings(path, given))})


def distrust(path: Path) -> None:
    """Revoke the trust in a file; it may still tune.

    Raises:
        ConfigError: the record cannot be written.
    """
    _write({place: digest for place, digest in _record().items() if place != _place(path)})


def _is_trusted(path: Path) -> bool:
    """Return True in the user's own folder, and in the one that the environment names, as `make` does."""
    trusted = (config_folder(), os.environ.get(VARIABLE))
    return os.path.realpath(path.absolute().parent) in {os.path.realpath(one) for one in trusted if one}


def _record() -> dict[str, str]:
    try:
        return dict(json.loads(read_settings_file(_file()) or "{}"))
    except (ValueError, TypeError):  # edited by hand: nothing is trusted until the next `goat trust`
        return {}


def _write(record: Mapping[str, str]) -> None:
    with explain_os_errors(_file()):
        _file().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(_file(), json.dumps(record, indent=1).encode(), mode=_PRIVATE)


def _file() -> Path:
    return config_folder() / "trusted.json"


def _place(path: Path) -> str:
    """Return a file's path with its folder resolved; a symlink does not get its target's trust."""
    return str(Path(os.path.realpath(path.absolute().parent)) / path.name)


def _digest(given: Given) -> str:
    text = json.dumps(sorted(given.items()), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
