"""Shared fixtures: the embedding model, loaded once, and an agent over real embedded stores."""

import gc
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest

import graph.layers
from bot.commands.command_app import collect_seldom
from graph.app import open_agent
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from memory.embedding import encoder
from memory.embedding.encoder import load_encoder
from tests.agent_settings import settings_of
from tests.goat import Goat
from tests.nursery import Nursery, running_nursery
from tests.servers.hash_embeddings import HashEmbeddings
from tests.servers.model import ModelServer, running_model_server
from tests.servers.postgres import PostgresServer, postgres_server

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each process of the suite would compile 1,600 modules
sys.dont_write_bytecode = False

_MEMORY = Path("/dev/shm")  # a file system in memory
if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > 4 * 2**30:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))  # so that no test waits for a disk

# Generous, so that a busy machine does not change a verdict.
hypothesis.settings.register_profile("suite", deadline=None, max_examples=40, derandomize=True)
hypothesis.settings.load_profile("suite")


gc.disable()  # while everything is imported, hardly anything is garbage


def pytest_collection_finish() -> None:
    """Collect garbage as seldom as processes that answer do, and exempt all that is imported."""
    gc.freeze()
    collect_seldom()
    gc.enable()


ON_REQUEST = ("browser", "clients", "emulator", "soak")
"""Folders with markers of the same names."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip these folders, and the imports of their conftest.py, unless the marker expression names them."""
    name = collection_path.name
    return True if name in ON_REQUEST and name not in config.option.markexpr else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the long tests of whole processes, unless the marker expression names them."""
    long = [name for name in ("process", "soak") if name not in config.option.markexpr]
    left_out = [item for item in items if any(map(item.get_closest_marker, long))]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory, testrun_uid: str) -> Path:
    """Folder of the embedding model's files, built by the first test that needs it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder = folder / f"model-{testrun_uid}"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session", autouse=True)
def _loaded_model(model_folder: Path) -> Iterator[None]:
    """Keep the embedding model from its first use on, so that tests do not load it again."""
    kept: list[encoder.Encoder] = []

    def load(folder: Path, *, threads: int) -> encoder.Encoder:
        loaded = load_encoder(folder, threads=threads)
        if folder.resolve() == model_folder.resolve():
            kept[:] = [loaded]
        return loaded

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder, "load_encoder", load)
        yield


LIMITS = (
    "memory.working.redis_client._CONNECT_SECONDS",
    "memory.working.redis_client._ANSWER_SECONDS",
    "graph.observability.turn_recorder.SECONDS",
    "graph.model.model_servers._SECONDS",
    "nodes.experiment.LOOKUP_SECONDS",
    "bot.setup.endpoint._NEAR_SECONDS",
)
"""Limits that no test is about."""


@pytest.fixture(scope="session", autouse=True)
def _patient() -> Iterator[None]:
    """Wait for what a busy machine delays; a refused connection is still noticed at once."""
    with pytest.MonkeyPatch.context() as patch:
        for name in LIMITS:
            patch.setattr(name, 100.0)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_user_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hide the developer's own configuration from the tests."""
    with pytest.MonkeyPatch.context() as patch:
        _hide_settings(patch)
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-config"))
        yield


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the machine's configuration and CA certificates from the tests.

    No test needs one, and loading them costs each HTTP client 25 ms.
    """
    _hide_settings(monkeypatch)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def _hide_settings(patch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("GOAT_")]:
        patch.delenv(name)


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch, _clean_environment: None, tmp_path: Path) -> None:
    """Trust the files of the working folder."""
    monkeypatch.setenv("GOAT_TRUST", str(tmp_path))


@pytest.fixture
def data_folder(tmp_path: Path, model_folder: Path) -> Path:
    """A new data folder that shares the embedding model's files."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    (folder / "models").symlink_to(model_folder)
    return folder


@pytest.fixture
def hash_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every agent of the test hashed embeddings, which need no model."""
    monkeypatch.setattr(graph.layers, "embedding_model", lambda _: HashEmbeddings(part=2000))


@pytest.fixture(scope="session")
def _model_server() -> Iterator[ModelServer]:
    with running_model_server() as server:
        yield server


@pytest.fixture
def model(_model_server: ModelServer) -> ModelServer:
    """A scripted model endpoint, shared by all tests: stopping one takes a seventh of a second."""
    _model_server.reset()
    return _model_server


@pytest.fixture
def settings(data_folder: Path, model: ModelServer) -> Settings:
    """Settings over the embedded stores and the test's model."""
    return settings_of(data_folder, model)


@pytest.fixture
async def e5_agent(settings: Settings) -> AsyncIterator[Agent]:
    """A separate agent with the shipped embedding model, warmed up."""
    async with open_agent(settings) as opened:
        await opened.layers.warm_up("ana")
        yield opened


@pytest.fixture(scope="session")
def nursery(testrun_uid: str) -> Iterator[Nursery]:
    """A process that forks others with everything imported: starting Python takes seconds."""
    with running_nursery(testrun_uid) as running:
        yield running


@pytest.fixture
def goat(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Goat:
    """The `goat` command, run in this process."""
    return Goat(monkeypatch, capfd)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server, started by the first test that needs it."""
    with postgres_server() as server:
        yield server
