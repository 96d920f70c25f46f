"""The emulator's process, only started on request, as by `make test-emulator`."""

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip this folder, unless the marker expression names it."""
    return None if "emulator" in str(config.option.markexpr) else True
