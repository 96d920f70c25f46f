"""Commands as `shell_run` runs them."""

import asyncio
import contextlib
import ctypes
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from graph.settings.settings import Settings
from graph.tools.plugins.plugin_registry import SHIPPED
from graph.tools.traits import traits_of
from tests.plugins import Plugins, open_plugins, until


@pytest.fixture
async def plugins(tmp_path: Path) -> AsyncIterator[Plugins]:
    async with open_plugins(settings_of(tmp_path, 100), shipped=SHIPPED) as opened:
        yield opened
    _dumpable(1)


def settings_of(folder: Path, seconds: float) -> Settings:
    """Return settings of a shell that gives a command so many seconds."""
    return Settings(data_folder=folder, shell=True, shell_timeout=seconds, tool_output_cap=2000)


async def test_the_owner_is_asked_and_nobody_else_may(plugins: Plugins) -> None:
    traits = traits_of(await plugins.tool("shell_run"))
    assert (traits.approval, traits.owner_only, traits.foreign, traits.seconds) == (True, True, True, 110)


async def test_output_and_status_are_told(plugins: Plugins, tmp_path: Path) -> None:
    output = await plugins.call("shell_run", command="echo out; echo err >&2; pwd; touch made; exit 3")
    folder = tmp_path / "plugin-files" / "shell_run"
    assert output.text == f"Exit status 3.\nout\nerr\n{folder}\n"
    assert (await plugins.call("shell_run", command="ls")).text == "Exit status 0.\nmade\n"


async def test_no_secret_is_in_its_environment_and_it_has_no_input(
    plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOAT_MODEL_API_KEY", "sk-secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    output = (await plugins.call("shell_run", command="env | cut -d= -f1 | sort; cat")).text
    shells_own = {"OLDPWD", "PWD", "SHLVL", "_"}
    language = {"LANG", "LC_ALL", "LC_CTYPE", "TZ"}
    assert (
        set(output.split("\n")[1:-1]) <= {"GOAT_RUN", "HOME", "PAGER", "PATH", "TERM"} | language | shells_own
    )


async def test_a_command_that_prints_without_end_is_cut_and_killed(tmp_path: Path) -> None:
    before = psutil.Process().memory_info().rss
    async with open_plugins(settings_of(tmp_path, 1), shipped=SHIPPED) as plugins:
        output = (await plugins.call("shell_run", command="yes 'a long line of words'")).text
    _dumpable(1)
    assert output.startswith("Killed: it was not done within 1 s.\na long line")
    assert "left out here" in output
    assert len(output) < 2200
    assert psutil.Process().memory_info().rss - before < 20_000_000


@pytest.mark.parametrize(
    "command",
    [
        "sleep 61 & echo $!",
        "setsid sh -c 'echo $$ > pid; exec sleep 63' & while [ ! -s pid ]; do sleep 0.01; done; cat pid",
        "nohup setsid sleep 64 & echo $!",
    ],
)
async def test_what_it_leaves_running_is_ended_with_it(plugins: Plugins, command: str) -> None:
    output = (await plugins.call("shell_run", command=command)).text
    assert output.startswith("Exit status 0.")
    await _gone(int(output.split()[-1]))


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone can close it")
async def test_while_the_shell_is_on_the_agents_environment_is_closed(plugins: Plugins) -> None:
    assert _dumpable() == 1
    await plugins.tool("shell_run")
    assert _dumpable() == 0
    if os.geteuid() != 0:
        output = await plugins.call("shell_run", command="cat /proc/$PPID/environ")
        assert "Permission denied" in output.text


async def test_a_cancelled_command_is_killed(plugins: Plugins, tmp_path: Path) -> None:
    call = asyncio.create_task(plugins.call("shell_run", command="echo $$ > pid; sleep 62; echo late"))
    pid = tmp_path / "plugin-files" / "shell_run" / "pid"
    await until(lambda: pid.exists() and pid.read_text().strip() != "")
    call.cancel()
    await asyncio.wait([call])
    await _gone(int(pid.read_text()))


async def test_a_command_that_dies_says_how(plugins: Plugins) -> None:
    assert (await plugins.call("shell_run", command="kill -SEGV $$")).text.startswith("Ended by signal 11.")
    assert (await plugins.call("shell_run", command="no-such-command")).text.startswith("Exit status 127.")


def _dumpable(value: int | None = None) -> int:
    """Say whether processes of the same user may read this one, or set it."""
    if sys.platform != "linux":
        return 1
    return int(ctypes.CDLL(None).prctl(*((3,) if value is None else (4, value)), 0, 0, 0))


async def _gone(pid: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        await until(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
