"""What is logged of a tool that fails."""

import asyncio
import logging
from typing import Any

import pytest
from langchain_core.tools import BaseTool, StructuredTool

from graph.exchange import Call
from graph.tools.caller import Caller
from graph.tools.isolation import PluginIsolation
from graph.tools.tool_runner import Output, ToolRunner
from tests.team import turn


def failing(error: Exception) -> BaseTool:
    async def fail() -> str:
        """Fail."""
        raise error

    return StructuredTool.from_function(coroutine=fail, name="fail")


async def ran(error: Exception) -> Output:
    runner = ToolRunner(PluginIsolation(), 30.0, 2000)
    call: dict[str, Any] = {"id": "k", "key": "k", "name": "fail", "arguments": {}}
    return await runner(failing(error), Call(**call), Caller(turn=turn(), key="k"))


def test_a_failure_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        output = asyncio.run(ran(RuntimeError("no paper")))
    assert output.text == "fail failed: RuntimeError: no paper"
    assert "Traceback" in caplog.text
    assert "RuntimeError: no paper" in caplog.text


def test_of_an_endless_error_its_type_and_both_ends_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Endless(RuntimeError):
        asked = 0

        def __str__(self) -> str:
            self.asked += 1
            return "begin " + "7" * 5_000_000 + " end"

    error = Endless()
    with caplog.at_level(logging.ERROR):
        output = asyncio.run(ran(error))
    assert not output.ok
    assert len(caplog.text) < 2000
    assert "fail failed: Endless: begin 777" in caplog.text
    assert "777 end" in caplog.text
    assert error.asked == 1
