"""Settings of the agents under test."""

from functools import cache
from pathlib import Path

from graph.settings.settings import Settings
from tests.servers.model import ModelServer


def settings_of(data_folder: Path, model: ModelServer) -> Settings:
    """Return settings over embedded stores with generous timeouts."""
    return _patient(model.base_url).model_copy(update={"data_folder": data_folder})


@cache
def _patient(model_base_url: str) -> Settings:
    """Read settings once: the sources take 30 ms."""
    return Settings(
        model="test",
        model_base_url=model_base_url,
        model_timeout=60,  # for a busy machine
        prefetch_timeout=30,
        timezone="UTC",
    )
