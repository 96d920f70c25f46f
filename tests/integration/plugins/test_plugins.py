"""Plugins that come, change, break and go while the agent runs."""

import asyncio
import os
import re
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from graph.settings.settings import Settings
from graph.tools.plugins.plugin_registry import SHIPPED
from graph.tools.plugins.services import artifacts_of
from graph.tools.traits import Traits, traits_of
from tests.plugins import TURN, Plugins, open_plugins, services_of, until

FINE = "return 'fine'"
BUILT = "def build(services):\n    @tool(description='d')\n    def f() -> str: return ''\n"
DOCUMENTATION = Path(__file__).parents[3] / "docs" / "plugins.md"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_folder=tmp_path, tool_timeout=100)


@pytest.fixture
async def plugins(settings: Settings) -> AsyncIterator[Plugins]:
    async with open_plugins(settings) as opened:
        yield opened


def _loaded_modules(stem: str) -> set[str]:
    """Return the modules of a plugin; other agents of the process may have plugins too."""
    return {name for name in sys.modules if name.startswith("goat_plugin_") and name.endswith(f"_{stem}")}


async def test_without_a_folder_there_are_no_tools(plugins: Plugins) -> None:
    assert await plugins.names() == []
    assert await plugins.shelf.problems() == {}


async def test_a_plugin_is_there_with_the_next_turn_and_gone_with_its_file(plugins: Plugins) -> None:
    path = plugins.write_tool("greet.py", "return f'hello {n}'")
    assert (await plugins.call("greet", n=3)).text == "hello 3"
    plugins.write_tool("greet.py", "return f'good day {n}'")
    assert (await plugins.call("greet", n=3)).text == "good day 3"
    path.unlink()
    assert await plugins.names() == []
    assert not _loaded_modules("greet")


async def test_every_tool_of_a_plugin_runs_apart_whatever_it_says(plugins: Plugins) -> None:
    plugins.write(
        "own.py",
        """
        from graph.tools.traits import Traits

        def build(services):
            @tool
            async def own() -> str:
                "Say where it runs."
                return threading.current_thread().name
            own.metadata = Traits(isolated=False, foreign=True).metadata()
            return [own]
        """,
    )
    traits = traits_of(await plugins.tool("own"))
    assert (traits.isolated, traits.foreign) == (True, True)
    assert (await plugins.call("own")).text == "plugin-own"


@pytest.mark.parametrize(
    ("metadata", "foreign"),
    [
        ("None", True),
        ("Traits(seconds=5, foreign=True).metadata()", True),
        ("{'goat': {'seconds': 5}}", True),
        ("Traits(foreign=False).metadata()", False),
    ],
)
async def test_what_a_tool_returns_is_from_outside_unless_it_says_otherwise(
    plugins: Plugins, metadata: str, foreign: bool
) -> None:
    plugins.write(
        "said.py",
        f"""
        from graph.tools.traits import Traits

        def build(services):
            @tool
            def said() -> str:
                "Say something."
                return "x"
            said.metadata = {metadata}
            return [said]
        """,
    )
    assert traits_of(await plugins.tool("said")).foreign is foreign


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def build(services:\n", "line 4: SyntaxError"),
        ("import no_such_module_anywhere", "line 4: ModuleNotFoundError"),
        ("raise SystemExit(3)", "line 4: SystemExit: 3"),
        ("x = 1", "no function build"),
        ("def build(services):\n    return 1 / 0", "line 5: ZeroDivisionError"),
        ("def build(services): pass", "it returned nothing"),
        ("def build(services): return 'tools'", "of the type str"),
        ("def build(services): return [len]", "one is of the type builtin_function"),
        ("async def build(services): return []", "must not be async"),
        ("def build(): return []", "TypeError"),
        ("\0", "null bytes"),
        (f"{BUILT}    f.name = 'a b'\n    return [f]", "'a b'; a name is"),
        (f"{BUILT}    f.description = ' '\n    return [f]", "f has no description"),
        (f"{BUILT}    return [f, f]", "Two of its tools are called f"),
        (
            f"{BUILT}    f.metadata = {{'goat': {{'aproval': True}}}}\n    return [f]",
            "unknown traits: aproval",
        ),
        (
            f"{BUILT}    f.metadata = {{'goat': {{'approval': 'no'}}}}\n    return [f]",
            "The trait approval of f cannot be 'no'",
        ),
        (
            f"{BUILT}    f.metadata = {{'goat': {{'seconds': 0}}}}\n    return [f]",
            "The trait seconds of f cannot be 0",
        ),
    ],
)
async def test_a_broken_edit_keeps_the_last_version_that_worked(
    plugins: Plugins, caplog: pytest.LogCaptureFixture, code: str, said: str
) -> None:
    plugins.write_tool("trial.py", FINE)
    await plugins.names()
    plugins.write("trial.py", code)
    assert (await plugins.call("trial")).text == "fine"
    problems = await plugins.shelf.problems()
    assert said in problems["trial.py"]
    assert "last version that worked is used" in problems["trial.py"]
    await plugins.names()
    assert [record.name for record in caplog.records].count("graph.tools.plugins.plugin_registry") == 1
    assert len(_loaded_modules("trial")) == 1
    plugins.write_tool("trial.py", "return 'mended'")
    assert (await plugins.call("trial")).text == "mended"
    assert await plugins.shelf.problems() == {}


async def test_a_plugin_that_was_never_fine_has_no_tools_and_says_so(plugins: Plugins) -> None:
    plugins.write("bad.py", "x = (")
    plugins.write_tool("good.py", FINE)
    assert await plugins.names() == ["good"]
    assert "used" not in (await plugins.shelf.problems())["bad.py"]
    assert await plugins.shelf.report() == f"1 tools of 1 plugins: good; yours go to {plugins.folder}"


@pytest.mark.parametrize(
    "code", ["while True: pass", "def build(services):\n    while True: time.sleep(0.01)"]
)
async def test_a_plugin_that_never_ends_loading_is_ended(settings: Settings, code: str) -> None:
    async with open_plugins(settings, load_seconds=0.5) as plugins:
        plugins.write_tool("good.py", FINE)
        assert await plugins.names() == ["good"]
        plugins.write("endless.py", code)
        assert "not loaded within 0.5 s" in (await plugins.shelf.problems())["endless.py"]
        assert await plugins.names() == ["good"]
    assert not [thread.name for thread in threading.enumerate() if thread.name == "loading-endless"]


async def test_a_turn_waits_for_slow_plugins_only_so_long(settings: Settings, tmp_path: Path) -> None:
    go = tmp_path / "go"
    async with open_plugins(settings, patience=0.5) as plugins:
        plugins.write_tool("good.py", FINE)
        assert await plugins.names() == ["good"]
        late = plugins.write_tool("late.py", FINE)
        waiting = f"import pathlib, time\nwhile not pathlib.Path({str(go)!r}).exists(): time.sleep(0.01)\n"
        late.write_text(waiting + late.read_text())
        assert await plugins.names() == ["good"]
        go.touch()
        assert await plugins.shelf.problems() == {}
        assert await plugins.names() == ["good", "late"]


async def test_of_two_files_with_one_tool_the_older_keeps_it(plugins: Plugins) -> None:
    plugins.write_tool("z.py", "return 'z'")
    await plugins.names()
    clash = plugins.write_tool("z.py", "return 'z'").read_text()
    (plugins.folder / "a.py").write_text(clash.replace("'z'", "'a'"))
    assert (await plugins.call("z")).text == "z"
    assert "z (of z.py)" in (await plugins.shelf.problems())["a.py"]
    (plugins.folder / "z.py").unlink()
    assert (await plugins.call("z")).text == "a"
    assert await plugins.shelf.problems() == {}


async def test_a_file_of_the_users_stands_for_the_shipped_one_of_its_name(
    settings: Settings, tmp_path: Path
) -> None:
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    async with open_plugins(settings, shipped=shipped) as plugins:
        own = plugins.write_tool("same.py", "return 'mine'")
        (shipped / "same.py").write_text(own.read_text().replace("mine", "shipped"))
        assert (await plugins.call("same")).text == "mine"
        own.unlink()
        assert (await plugins.call("same")).text == "shipped"


async def test_what_others_may_write_is_not_run(plugins: Plugins) -> None:
    path = plugins.write_tool("open.py", FINE)
    path.chmod(0o666)
    assert await plugins.names() == []
    assert "chmod o-w" in (await plugins.shelf.problems())["open.py"]
    path.chmod(0o644)
    assert await plugins.names() == ["open"]
    plugins.folder.chmod(0o777)
    assert await plugins.names() == []
    assert "Everybody may write" in (await plugins.shelf.problems())[str(plugins.folder)]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
async def test_what_belongs_to_somebody_else_is_not_run(plugins: Plugins) -> None:
    path = plugins.write_tool("theirs.py", FINE)
    os.chown(path, 12345, -1)
    assert await plugins.names() == []
    assert "uid 12345" in (await plugins.shelf.problems())["theirs.py"]


async def test_what_is_no_file_is_not_run(plugins: Plugins) -> None:
    plugins.folder.mkdir()
    os.mkfifo(plugins.folder / "pipe.py")
    (plugins.folder / "folder.py").mkdir()
    (plugins.folder / "link.py").symlink_to("nowhere.py")
    (plugins.folder / "large.py").write_text("#" * 1_000_001)
    (plugins.folder / "_helper.py").write_text("raise SystemExit")
    problems = await plugins.shelf.problems()
    assert sorted(problems) == ["folder.py", "large.py", "link.py", "pipe.py"]


async def test_dataclasses_with_postponed_annotations_work(plugins: Plugins) -> None:
    path = plugins.write_tool("data.py", "return Point.__name__")
    lines = [
        "from __future__ import annotations",
        "from dataclasses import dataclass",
        path.read_text(),
        "@dataclass",
        "class Point:",
        "    x: int",
    ]
    path.write_text("\n".join(lines))
    assert (await plugins.call("data")).text == "Point"


def test_plugins_work_in_one_event_loop_after_another(settings: Settings) -> None:
    async def use(plugins: Plugins) -> str:
        try:
            return (await plugins.call("greet")).text
        finally:
            await plugins.shelf.aclose()

    async def opened() -> Plugins:
        async with open_plugins(settings) as plugins:
            plugins.write_tool("greet.py", FINE)
            return plugins

    plugins = asyncio.run(opened())
    assert [asyncio.run(use(plugins)) for _ in range(2)] == ["fine", "fine"]


async def test_the_shipped_plugins_are_fine_and_the_shell_is_off(settings: Settings) -> None:
    async with open_plugins(settings, shipped=SHIPPED) as plugins:
        names = await plugins.names()
        assert names == ["browse_page", "fetch_content", "get_memory_metrics", "get_recent_logs"]
        assert await plugins.shelf.problems() == {}
        assert '"ana": 3' in (await plugins.call("get_memory_metrics", days=3)).text
        assert (await plugins.call("get_recent_logs", limit=5, level="ERROR")).text == "5 lines of ERROR"
        assert traits_of(await plugins.tool("get_recent_logs")).owner_only
        foreign = [name for name in names if traits_of(await plugins.tool(name)).foreign]
        assert foreign == ["browse_page", "fetch_content", "get_recent_logs"]


@pytest.mark.parametrize("made", ["async def", "def"])
async def test_a_file_for_the_chat_is_the_callers_and_is_forgotten_with_them(
    plugins: Plugins, settings: Settings, made: str
) -> None:
    plugins.write(
        "draw.py",
        f"""
        def build(services):
            @tool(response_format="content_and_artifact")
            {made} draw() -> tuple[str, str]:
                "Draw."
                path = services.artifact("drawn.png")
                path.write_text("drawn")
                return "It is drawn.", str(path)
            return [draw]
        """,
    )
    drawn = {}
    for owner in ("ana", "bob"):
        output = await plugins.call("draw", turn=replace(TURN, owner=owner))
        drawn[owner] = Path(*output.attachments)
        assert drawn[owner].parent == artifacts_of(owner, settings.data_folder)
    await plugins.shelf.erase(owner="ana")
    assert [path.exists() for path in drawn.values()] == [False, True]


async def test_old_files_for_the_chat_go_when_the_tools_are_first_asked_for(
    plugins: Plugins, settings: Settings
) -> None:
    old = services_of(settings).artifact("old.png")
    old.write_text("a picture")
    os.utime(old, (0, 0))
    await plugins.names()
    await until(lambda: not old.exists())


async def test_the_example_in_the_documentation_works(plugins: Plugins) -> None:
    text = DOCUMENTATION.read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    plugins.write("dice.py", "").write_text(example, encoding="utf-8")
    output = await plugins.call("throw_dice", count=3)
    assert output.text.startswith("ana threw [")
    (drawn,) = map(Path, output.attachments)
    assert len(drawn.read_text(encoding="utf-8").split()) == 3
    assert (await plugins.call("throw_dice", count=13)).text.startswith("throw_dice failed: Nobody throws 13")
    for stem in (path.name for path in SHIPPED.glob("[a-z]*.py")):
        assert f"`{stem}`" in text
    for trait in Traits.__dataclass_fields__:
        assert f"`{trait}=" in text or trait == "isolated"
