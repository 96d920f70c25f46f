"""The configuration of workers, and of the agent that checks their results."""

import os
from pathlib import Path

import graph.layers
from graph.settings.settings import Settings
from tests.servers.hash_embeddings import HashEmbeddings
from tests.servers.model import ModelServer


def crash_settings(data_folder: Path, model: ModelServer) -> Settings:
    """Return settings over embedded stores."""
    return Settings(
        data_folder=data_folder,
        model="test",
        model_base_url=model.base_url,
        model_timeout=60,
        prefetch_timeout=30,
        timezone="UTC",
    )


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a process with these settings and no others."""
    names = ("data_folder", "model", "model_base_url", "model_timeout", "prefetch_timeout", "timezone")
    own = {f"GOAT_{name.upper()}": str(getattr(settings, name)) for name in names}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GOAT_")}
    return inherited | own | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def embed_by_hash() -> None:
    """Give every agent of this process hashed embeddings: its life is too short to load a model."""
    setattr(graph.layers, "embedding_model", lambda _: HashEmbeddings())  # noqa: B010 - mypy minds the plain way
