"""Tests that run the notebooks, only collected on request, as by `make notebooks`."""

from pathlib import Path

import pytest

RUN = ("test_notebooks.py", "test_tuning_session.py")
"""Tests that start kernels."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip them, unless the marker expression names them."""
    asked = "notebooks" in str(config.option.markexpr)
    return True if collection_path.name in RUN and not asked else None
