"""Long runs are collected only when they are asked for, as `make soak` does."""

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave this folder out, unless the marker expression names it."""
    return None if "soak" in str(config.option.markexpr) else True
