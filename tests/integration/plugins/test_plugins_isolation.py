"""What plugins' tools do wrong, and that nothing else notices."""

import asyncio
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from graph.settings.settings import Settings
from graph.tools.caller import Caller
from graph.tools.isolation import MOST_LEFT
from tests.plugins import TURN, Plugins, open_plugins, until


@pytest.fixture
async def plugins(tmp_path: Path) -> AsyncIterator[Plugins]:
    async with open_plugins(Settings(data_folder=tmp_path, tool_timeout=100)) as opened:
        yield opened


@pytest.mark.parametrize("made", ["def", "async def"])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise SystemExit(1)", "SystemExit: 1"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("raise asyncio.CancelledError", "cancelled"),
        ("raise TimeoutError('no word')", "TimeoutError: no word"),
        ("raise StopIteration", "StopIteration"),
        ("raise MemoryError('all of it')", "MemoryError: all of it"),
        ("return 1 / 0", "ZeroDivisionError"),
        ("class Mute(Exception): __str__ = None\nraise Mute", "failed: Mute"),
        ("return asyncio.run('x')", "failed"),
        ("f = lambda: f()\nreturn f()", "RecursionError"),
    ],
)
async def test_whatever_a_tool_raises_is_a_text(plugins: Plugins, made: str, body: str, said: str) -> None:
    plugins.write_tool("bad.py", body, made=made)
    output = await plugins.call("bad")
    assert not output.ok
    assert said.lower() in output.text.lower()


@pytest.mark.parametrize(
    ("made", "body"),
    [
        ("async def", "await asyncio.sleep(60)"),
        ("async def", "while True: pass"),
        ("async def", "while True: time.sleep(0.01)"),
        ("async def", "await asyncio.to_thread(time.sleep, 60)"),
        ("def", "while True: pass"),
        ("def", "time.sleep(60)"),
    ],
)
async def test_a_tool_that_never_ends_is_left_and_holds_nothing_up(
    plugins: Plugins, tmp_path: Path, made: str, body: str
) -> None:
    begun = tmp_path / "begun"
    plugins.write_tool("stuck.py", f"open({str(begun)!r}, 'w').close()\n{body}", made=made)
    plugins.write_tool("other.py", "return 'fine'")
    stuck = asyncio.create_task(plugins.call("stuck"))
    await until(begun.exists)
    assert (await plugins.call("other")).text == "fine"
    assert not stuck.done()
    stuck.cancel()
    await asyncio.wait([stuck])
    assert "not done within 0.05 s" in (await plugins.call("stuck", seconds=0.05)).text


async def test_a_plugin_that_blocks_its_own_loop_can_be_called_again(plugins: Plugins) -> None:
    plugins.write_tool("blocks.py", "if n: time.sleep(60)\nreturn 'fine'")
    assert "not done" in (await plugins.call("blocks", seconds=0.1, n=1)).text
    assert (await plugins.call("blocks", n=0)).text == "fine"


async def test_busy_loops_are_ended_and_burn_nothing(plugins: Plugins) -> None:
    plugins.write_tool(
        "burns.py", "while True:\n    try:\n        while True: pass\n    except Exception: pass"
    )
    await plugins.call("burns", seconds=0.1)
    await until(lambda: not any(thread.name == "plugin-ending" for thread in threading.enumerate()))
    await plugins.shelf.aclose()
    spent = time.process_time()
    await asyncio.sleep(0.3)
    assert time.process_time() - spent < 0.2


async def test_a_cancelled_call_is_cancelled_in_the_plugin(plugins: Plugins, tmp_path: Path) -> None:
    mark = tmp_path / "ended"
    begun = tmp_path / "begun"
    plugins.write_tool(
        "waits.py",
        f"open({str(begun)!r}, 'w').close()\n"
        f"try:\n    await asyncio.sleep(60)\nfinally:\n    open({str(mark)!r}, 'w').close()",
    )
    call = asyncio.create_task(plugins.call("waits"))
    await until(begun.exists)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await until(mark.exists)


async def test_a_call_that_is_cancelled_before_it_begins_never_runs(plugins: Plugins, tmp_path: Path) -> None:
    begun, free, acted = (tmp_path / name for name in ("begun", "free", "acted"))
    plugins.write_tool(
        "acts.py",
        "import pathlib\n"
        f"begun, free, acted = map(pathlib.Path, {[str(begun), str(free), str(acted)]!r})\n"
        "if n == 1: begun.touch()\n"
        "while n == 1 and not free.exists(): time.sleep(0.01)\n"
        "if n == 2: acted.touch()\n"
        "return 'fine'",
    )
    blocking = asyncio.create_task(plugins.call("acts", n=1))
    await until(begun.exists)
    asked = {"type": "tool_call", "id": "2", "name": "acts", "args": {"n": 2}}
    running = plugins.shelf.isolation.run(await plugins.tool("acts"), asked, Caller(turn=TURN, key="2"), 100)
    call = asyncio.create_task(running)
    await asyncio.sleep(0)  # it is queued behind the call that blocks the loop
    call.cancel()
    await asyncio.wait([call])
    free.touch()
    await blocking
    assert (await plugins.call("acts", n=3)).text == "fine"
    assert not acted.exists()


async def test_a_plugin_whose_calls_never_end_is_called_no_more(tmp_path: Path) -> None:
    async with open_plugins(Settings(data_folder=tmp_path, tool_timeout=0.01)) as plugins:
        plugins.write_tool("sleeps.py", "time.sleep(60)", made="def")
        for _ in range(MOST_LEFT):
            assert "not done" in (await plugins.call("sleeps")).text
        assert "never ended" in (await plugins.call("sleeps")).text


async def test_what_a_turn_has_in_its_context_stays_there(plugins: Plugins) -> None:
    plugins.write_tool(
        "looks.py",
        "import contextvars\nreturn ' '.join(v.name for v in contextvars.copy_context() if 'goat' in v.name)",
    )
    assert (await plugins.call("looks")).text == "goat_home"


async def test_clients_of_a_plugin_live_on_between_calls(plugins: Plugins) -> None:
    plugins.write_tool("same.py", "return str(id(asyncio.get_running_loop()))")
    assert (await plugins.call("same")).text == (await plugins.call("same")).text


async def test_services_run_on_the_loop_of_the_agent(plugins: Plugins) -> None:
    plugins.write(
        "figures.py",
        """
        def build(services):
            @tool
            async def figures() -> str:
                "Read them."
                return str((await services.metrics("ana", 4)).whole.turns)
            return [figures]
        """,
    )
    assert (await plugins.call("figures")).text == "4"


def test_the_process_ends_whatever_plugins_still_do(tmp_path: Path) -> None:
    script = """
    import asyncio, sys, pathlib
    from graph.settings.settings import Settings
    from tests.plugins import open_plugins
    async def main():
        settings = Settings(data_folder=pathlib.Path(sys.argv[1]), tool_timeout=0.1)
        async with open_plugins(settings) as plugins:
            plugins.write_tool("a.py", "await asyncio.to_thread(time.sleep, 60)")
            plugins.write_tool("b.py", "time.sleep(60)")
            plugins.write_tool("c.py", "time.sleep(60)", made="def")
            print([(await plugins.call(name)).ok for name in "abc"])
    asyncio.run(main())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("[False, False, False]\n", 0), done.stderr
