"""Which files of a working folder are obeyed in full: those that their user has trusted as they are."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from graph.settings.atomic_file import swap, told
from graph.settings.context import Thresholds
from graph.settings.settings_files import read_settings_file
from graph.settings.tuned_settings import TABLES

TRUST = "trust"
"""The setting that names a folder to trust; in the environment alone."""
VARIABLE = f"GOAT_{TRUST.upper()}"
_FREE = TABLES | Thresholds.model_fields.keys()
"""What any file may set: it decides what is recalled and shown, and nothing else."""
_PRIVATE = 0o600

Given = Mapping[str, Any]
"""Settings by name, as a source has them."""


def config_folder() -> Path:
    """Return the folder of the user's own configuration."""
    return user_config_path("goat", appauthor=False)


def obeyed(path: Path, given: Given) -> dict[str, Any]:
    """Return what holds of the settings that a working folder's file gives."""
    held_back = withheld(path, given)
    return {name: value for name, value in given.items() if name not in held_back}


def withheld(path: Path, given: Given) -> dict[str, Any]:
    """Return the settings of a file that wait for its user to trust it."""
    wanting = {name: value for name, value in given.items() if name not in _FREE}
    if not wanting or _is_trusted(path) or _record().get(_place(path)) == _digest(wanting):
        return {}
    return wanting


def trust(path: Path, given: Given) -> None:
    """Obey a file from now on, for as long as it gives these settings; what tunes may change.

    Raises:
        ConfigError: that cannot be written down.
    """
    _write({**_record(), _place(path): _digest(withheld(path, given))})


def distrust(path: Path) -> None:
    """Obey a file no longer, but for what tunes.

    Raises:
        ConfigError: that cannot be written down.
    """
    _write({place: digest for place, digest in _record().items() if place != _place(path)})


def _is_trusted(path: Path) -> bool:
    """Say whether it is in the user's own folder, or in one that the environment names, as `make` does."""
    trusted = (config_folder(), os.environ.get(VARIABLE))
    return os.path.realpath(path.absolute().parent) in {os.path.realpath(one) for one in trusted if one}


def _record() -> dict[str, str]:
    try:
        return dict(json.loads(read_settings_file(_file()) or "{}"))
    except (ValueError, TypeError):  # edited: nothing is trusted until it is said anew
        return {}


def _write(record: Mapping[str, str]) -> None:
    with told(_file()):
        _file().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        swap(_file(), json.dumps(record, indent=1).encode(), mode=_PRIVATE)


def _file() -> Path:
    return config_folder() / "trusted.json"


def _place(path: Path) -> str:
    """Return where a file stands; a link that stands here is no file of where it points to."""
    return str(Path(os.path.realpath(path.absolute().parent)) / path.name)


def _digest(given: Given) -> str:
    text = json.dumps(sorted(given.items()), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
