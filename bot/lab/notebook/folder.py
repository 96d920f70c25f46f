"""The folder of a notebook's configuration: goat.toml and .env are read from there, and written there."""

from contextlib import chdir
from pathlib import Path

from graph.settings.settings import Settings
from graph.settings.settings_loader import load_settings
from memory.errors import ConfigError


def settings_in(folder: Path) -> Settings:
    """Load the settings of a folder.

    Raises:
        ConfigError: they cannot be read; says why.
    """
    if not folder.is_dir():
        raise ConfigError(
            f"There is no folder {str(folder)!r} (looked for from {Path.cwd()}). "
            "Give the folder that goat.toml and .env are in."
        )
    with chdir(folder):
        return load_settings()
