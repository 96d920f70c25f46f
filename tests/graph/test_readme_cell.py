"""The README's notebook cell runs as it stands."""

import ast
import inspect
import re
import types

import pytest

from graph.settings import Settings
from tests.readme import README


async def test_the_notebook_cell_runs(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (cell,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    for name in ("data_folder", "model", "model_base_url"):
        monkeypatch.setenv(f"GOAT_{name.upper()}", str(getattr(settings, name)))
    code = compile(inspect.cleandoc(cell), "README", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    await types.FunctionType(code, {})()
    assert "park" in capsys.readouterr().out
