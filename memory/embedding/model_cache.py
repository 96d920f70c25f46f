"""The model files in a cache folder: built once across processes, and verified at each start."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock, Timeout

from memory.embedding.weights import UnreadableWeights, find_weights
from memory.errors import DataFolderError

BUILD_TIMEOUT = 300.0  # seconds
NEEDED_BYTES = 200_000_000
GRAPH, TOKENIZER, MANIFEST = "encoder.onnx", "tokenizer.model", "manifest.json"


def ensure_model(folder: Path, version: str) -> Path:
    """Return the folder of `version` under `folder`; build its files if they are missing or damaged.

    Raises:
        DataFolderError: the folder cannot be written, is full, or the model cannot be built.
    """
    files = folder / version
    if _is_intact(files):
        return files
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{version}.lock", timeout=BUILD_TIMEOUT):
            if not _is_intact(files):
                _rebuild(files)
    except Timeout as error:
        raise DataFolderError(
            f"another process has been building the embedding model in {folder} for {BUILD_TIMEOUT:.0f} s; "
            "end it and try again"
        ) from error
    except OSError as error:
        raise DataFolderError(
            f"cannot keep the embedding model in {folder} ({error.strerror or error}); "
            "make the folder writable, or configure another data folder"
        ) from error
    return files


def _rebuild(folder: Path) -> None:
    """Build in a partial folder and rename it; the caller's lock makes leftovers safe to delete."""
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        _require_space(partial)
        _run_build(partial)
        (partial / MANIFEST).write_text(json.dumps(_digests(partial)), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _require_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < NEEDED_BYTES:
        raise DataFolderError(
            f"the embedding model needs {NEEDED_BYTES // 10**6} MB and {folder.parent} has {free // 10**6}; "
            "free some space, or configure another data folder"
        )


def _run_build(target: Path) -> None:
    """Build in a child process with this process's import path."""
    try:
        command = [
            sys.executable,
            "-P",
            "-m",
            "memory.embedding.model_build",
            str(find_weights()),
            str(target),
        ]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
        subprocess.run(  # noqa: S603 (our own module, no shell)
            command, env=environment, check=True, capture_output=True, text=True, timeout=BUILD_TIMEOUT
        )
    except UnreadableWeights as error:
        raise DataFolderError(f"cannot build the embedding model: {error}; reinstall it") from error
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or [f"exit code {error.returncode}"])[-1]
        raise DataFolderError(f"cannot build the embedding model in {target.parent}: {reason}") from error
    except subprocess.TimeoutExpired as error:
        raise DataFolderError(
            f"building the embedding model took over {BUILD_TIMEOUT:.0f} s; try again on a quieter machine"
        ) from error


def _is_intact(folder: Path) -> bool:
    try:
        expected = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return bool(expected) and expected == _digests(folder)
    except (OSError, ValueError):
        return False


def _digests(folder: Path) -> dict[str, str]:
    digests = {}
    for path in sorted(folder.iterdir()):
        if path.name != MANIFEST:
            with path.open("rb") as file:
                digests[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests
