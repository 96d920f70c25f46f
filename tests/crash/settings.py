"""The configuration of workers, and of the agent that checks their results."""

import os

import graph.layers
from graph.settings.settings import Settings
from tests.servers.hash_embeddings import HashEmbeddings


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a process with these settings and no others."""
    names = ("data_folder", "model", "model_base_url", "model_timeout", "prefetch_timeout", "timezone")
    own = {f"GOAT_{name.upper()}": str(getattr(settings, name)) for name in names}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GOAT_")}
    return inherited | own | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def embed_by_hash() -> None:
    """Give every agent of this process hashed embeddings: its life is too short to load a model."""
    setattr(graph.layers, "embedding_model", lambda _: HashEmbeddings())  # noqa: B010 - mypy minds the plain way
