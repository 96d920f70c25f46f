"""Optional parts of the installation."""

import sys
import tomllib
from pathlib import Path

import pytest

from graph.settings.extras import MODULES, is_installed, missing_message, summary

ROOT = Path(__file__).parents[3]


def test_what_an_extra_is_missing_for_is_added_by_commands_that_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    targets = (ROOT / "Makefile").read_text("utf-8").partition("EXTRAS := ")[2].partition("\n")[0].split()
    assert targets == list(MODULES)
    for extra in MODULES:
        assert f"`make {extra}`" in missing_message(extra)
        assert f"'goat2[{extra}]'" in missing_message(extra)
        assert project["optional-dependencies"][extra]
        assert "--hash=sha256:" in (ROOT / f"requirements/{extra}.txt").read_text("utf-8")


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(map(is_installed, MODULES))
    assert summary() == "pictures, documents, browser, telemetry, postgres"
    monkeypatch.setitem(sys.modules, "playwright", None)
    for name in [name for name in sys.modules if name.startswith("opentelemetry.exporter")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter", None)
    assert (
        summary()
        == "pictures, documents, postgres; not installed: browser, telemetry (`make browser` adds one)"
    )
