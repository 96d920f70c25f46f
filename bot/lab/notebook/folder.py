"""The folder of a notebook's configuration: goat.toml and .env are read from there, and written there."""

from contextlib import chdir
from pathlib import Path

from graph.settings.settings import Settings
from graph.settings.settings_loader import load_settings


def settings_in(folder: Path) -> Settings:
    """Load the settings of a folder.

    Raises:
        ConfigError: they cannot be read; says why.
    """
    with chdir(folder):
        return load_settings()
