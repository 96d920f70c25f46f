"""What README.md and docs/ show of a session is what a session shows."""

import ast
import inspect
import re
import types

import pytest

from graph.settings.settings import Settings
from tests.code_map import left_out
from tests.readme import DOCS, README, between, conversation
from tests.servers.model import ModelServer
from tests.terminal_session import CONVERSATION, converse


async def test_the_conversation_and_the_life_of_a_turn_are_those_of_a_real_session(
    settings: Settings, model: ModelServer
) -> None:
    session = await converse(CONVERSATION, settings, model)
    assert _masked(between(README.read_text("utf-8"), "conversation")) == _masked(conversation(session.shown))
    assert not left_out(session.trace.files), "edit LIFE in tests/code_map.py"


async def test_the_notebook_cell_runs(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cell, *_ = re.findall(r"```python\n(.*?)```", (DOCS / "tuning.md").read_text("utf-8"), re.DOTALL)
    for name in ("data_folder", "model", "model_base_url", "prefetch_timeout"):
        monkeypatch.setenv(f"GOAT_{name.upper()}", str(getattr(settings, name)))
    code = compile(inspect.cleandoc(cell), "tuning.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    await types.FunctionType(code, {})()
    assert "park" in capsys.readouterr().out


def _masked(shown: str) -> str:
    """Return a conversation without its times, figures and bars, which differ by machine and day."""
    return re.sub(r"\s+", " ", re.sub(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun) |[\d█▓▒·│]+", "", shown))
