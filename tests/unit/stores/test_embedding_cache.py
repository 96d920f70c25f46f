"""The folder that the built-in model's files are kept in."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from memory.embedding import model_cache as cache
from memory.embedding.encoder import VERSION
from memory.embedding.model_cache import GRAPH, MANIFEST, TOKENIZER, ensure_model
from memory.errors import DataFolderError

COPYING = """
import shutil, sys
from pathlib import Path
from memory.embedding import model_cache

def copy(target):
    with open(sys.argv[4], "a") as told:
        told.write("built once\\n")
    for name in ("encoder.onnx", "tokenizer.model"):
        shutil.copy(Path(sys.argv[3]) / name, target)

model_cache._run_build = copy
model_cache.ensure_model(Path(sys.argv[1]), sys.argv[2])
"""


@pytest.fixture
def quick_build(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Build by copying the shared model, which a child process took two seconds to make."""
    shared = ensure_model(model_folder, VERSION)

    def copy(target: Path) -> None:
        for name in (GRAPH, TOKENIZER):
            shutil.copy(shared / name, target)

    monkeypatch.setattr(cache, "_run_build", copy)


@pytest.fixture
def built(model_folder: Path, quick_build: None, tmp_path: Path) -> Path:
    """Copy the shared model, to be spoiled."""
    shutil.copytree(model_folder / VERSION, tmp_path / VERSION)
    return tmp_path


def test_what_is_intact_is_used(built: Path) -> None:
    before = (built / VERSION / MANIFEST).stat().st_mtime_ns
    folder = ensure_model(built, VERSION)
    assert {GRAPH, TOKENIZER} < {path.name for path in folder.iterdir()}
    assert (built / VERSION / MANIFEST).stat().st_mtime_ns == before


@pytest.mark.parametrize("name", ["encoder.onnx", "tokenizer.model", MANIFEST])
def test_a_half_file_is_built_again(built: Path, name: str) -> None:
    path = built / VERSION / name
    expected = json.loads((built / VERSION / MANIFEST).read_text())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    ensure_model(built, VERSION)
    assert json.loads((built / VERSION / MANIFEST).read_text()) == expected
    assert not list(built.glob("*.partial"))


def test_two_processes_build_once(model_folder: Path, tmp_path: Path) -> None:
    ensure_model(model_folder, VERSION)
    folder, told = tmp_path / "models", tmp_path / "told"
    arguments = [str(folder), VERSION, str(model_folder / VERSION), str(told)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", COPYING, *arguments]
    builders = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [builder.wait() for builder in builders] == [0, 0]
    assert told.read_text() == "built once\n"
    ensure_model(folder, VERSION)
    assert sorted(path.name for path in folder.iterdir() if path.suffix != ".lock") == [VERSION]


def test_leftovers_of_a_killed_build_are_cleared(tmp_path: Path, quick_build: None) -> None:
    leftover = tmp_path / f"{VERSION}.partial" / "encoder.onnx"
    leftover.parent.mkdir()
    leftover.write_bytes(b"half")
    ensure_model(tmp_path, VERSION)
    assert not leftover.exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFolderError, match="make the folder writable"):
        ensure_model(tmp_path / "file" / "models", VERSION)


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "NEEDED_BYTES", 10**18)
    with pytest.raises(DataFolderError, match="free some space"):
        ensure_model(tmp_path, VERSION)
    assert not (tmp_path / VERSION).exists()


def test_a_build_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = tmp_path / "weights.bin"
    wrong.write_bytes(b"nothing of the kind")
    monkeypatch.setattr(cache, "find_weights", lambda: wrong)
    with pytest.raises(DataFolderError, match="not a weights file"):
        ensure_model(tmp_path / "models", VERSION)
    assert not list((tmp_path / "models").glob("*.partial"))
