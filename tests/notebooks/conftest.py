"""The notebooks run only when they are asked for, as `make notebooks` does."""

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what runs them, unless the marker expression names it."""
    asked = "notebooks" in str(config.option.markexpr)
    return True if collection_path.name == "test_notebooks.py" and not asked else None
