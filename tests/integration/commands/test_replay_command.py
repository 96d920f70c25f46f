"""`goat replay` over an archive that the agent of this process has filled."""

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from bot.commands.replay_command import ReplayOptions, report
from graph.app import open_agent
from graph.replay.comparison import ChangedTurn, Comparison, MemoryChange
from graph.replay.replay_plan import ReplayPlan
from graph.settings.settings import Settings
from graph.state.circumstances import thread_id
from memory.models import DecisionRule
from tests.goat import Goat
from tests.observations import observation

SAID = (
    "Doctor Marinescu found that my daughter Ioana is allergic to peanuts, walnuts and hazelnuts.",
    "Saturday we repainted the wooden garage door in dark green, two coats of enamel paint.",
    "Which nuts is Ioana allergic to, according to doctor Marinescu?",
)


@pytest.fixture(scope="module")
def talked(tmp_path_factory: pytest.TempPathFactory, model_folder: Path) -> Path:
    """A data folder with recorded turns."""
    folder = tmp_path_factory.mktemp("talked")
    (folder / "models").symlink_to(model_folder)

    async def talk() -> None:
        async with open_agent(Settings(data_folder=folder, prefetch_timeout=10)) as agent:
            await agent.layers.warm_up("ana")
            for number, text in enumerate(SAID):
                await agent.ask(text, owner="ana", thread=thread_id("test", str(number)))

    asyncio.run(talk())
    return folder


@pytest.fixture
def owner(talked: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whose turns are recorded in the data folder that the command uses."""
    monkeypatch.setenv("GOAT_DATA_FOLDER", str(talked))
    return "ana"


def test_every_decision_is_the_recorded_one(goat: Goat, owner: str) -> None:
    done = goat("replay", "--owner", owner)
    assert done.status == 0
    assert done.shown.startswith("3 turns replayed; every decision equals the recorded one, byte for byte.")


def test_what_another_threshold_changes(goat: Goat, owner: str, tmp_path: Path) -> None:
    results = tmp_path / "replay.json"
    done = goat("replay", "--owner", owner, "--set", "gap.threshold=1", "--json", str(results))
    assert done.status == 0
    shown = " ".join(done.shown.split())
    assert "gap.threshold=1" in shown
    assert SAID[2] in shown
    assert SAID[0][:60] in shown
    assert results.stat().st_mode & 0o777 == 0o600
    told = json.loads(results.read_text())
    assert told["turns"] == 3
    assert told["not_decided_as_recorded"] == []
    assert told["after"]["memories"] < told["before"]["memories"]
    assert SAID[0] in {memory["message"] for memory in told["changed"][-1]["removed"]}


def test_what_replay_cannot_show_is_said(goat: Goat, owner: str) -> None:
    done = goat("replay", "--owner", owner, "--set", "cache_ttl=0", "--since", "today")
    assert done.status == 0
    assert "Replay cannot show what cache_ttl would change" in " ".join(done.shown.split())


@pytest.mark.parametrize(
    ("different", "ending"),
    [(["a\x1b[2J", "b", "c"], "there: a[2J, b, c."), (["a", "b", "c", "d"], "there: a, b, c, …")],
)
def test_turns_that_differ_are_named(different: list[str], ending: str) -> None:
    told = drawn(Comparison(turns=9, different=different), ReplayPlan(), ReplayOptions(owner="ana"))
    assert told.strip().endswith(ending)


def drawn(comparison: Comparison, plan: ReplayPlan, options: ReplayOptions, zone: tzinfo = UTC) -> str:
    console = Console(width=400)
    with console.capture() as printed:
        console.print(report(comparison, plan, options, zone))
    return printed.get()


def test_times_are_those_of_the_user() -> None:
    late = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    moved = MemoryChange(turn_id="b", at=late, message="basil", probability=0.4, rule=DecisionRule.CALIBRATED)
    changed = ChangedTurn(turn_id="a", at=late, message="What?", added=[moved], removed=[])
    comparison = Comparison(turns=1, changed=[changed])
    told = drawn(
        comparison,
        ReplayPlan(),
        ReplayOptions(owner="ana", settings=["gap_threshold=0.3"]),
        ZoneInfo("Asia/Tokyo"),
    )
    assert "2026-03-03 08:30  What?" in told
    assert "+ 2026-03-03" in told


def test_turns_of_which_no_zone_is_noted_may_differ_by_it() -> None:
    plan = ReplayPlan(replayed=[observation("a"), observation("b", zone="UTC")])
    assert "in another time zone" in drawn(
        Comparison(turns=2, different=["a"]), plan, ReplayOptions(owner="ana")
    )
    assert "time zone" not in drawn(Comparison(turns=2, different=["b"]), plan, ReplayOptions(owner="ana"))


def test_a_calibration_that_could_not_serve_is_told() -> None:
    comparison = Comparison(turns=2, problems=Counter({"The packaged one is used.": 2}))
    assert "In 2 turns: The packaged one is used." in drawn(
        comparison, ReplayPlan(), ReplayOptions(owner="ana")
    )


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--set", "gap.threshold=7", "gap_threshold"),
        ("--set", "gap.treshold=0.5", "Did you mean gap_threshold?"),
        ("--set", "gap_threshold", "expected KEY=VALUE"),
        ("--since", "the day of never", "is not a time"),
        ("--since", "not yesterday", "is not a time"),
        ("--set", "gap_calibration=nope", "The calibration 'nope' is unknown. In goat.toml for"),
    ],
)
def test_what_is_refused(goat: Goat, owner: str, option: str, value: str, said: str) -> None:
    done = goat("replay", "--owner", owner, option, value)
    assert done.status == 1
    assert said in done.shown


def test_an_import_is_a_past_to_decide(goat: Goat, owner: str, tmp_path: Path) -> None:
    lines = [
        {"message": text, "reply": "Noted.", "at": f"2026-03-0{day}T09:00:00Z", "thread": str(day)}
        for day, text in enumerate(SAID, start=1)
    ]
    file = tmp_path / "chats.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    goat("import", str(file), "--format", "jsonl", "--owner", "eve", "--mine")
    before = " ".join(goat("replay", "--owner", "eve").shown.split())
    assert "3 turns left out: imported, and not asked again yet (goat replay --imported)." in before
    asked = " ".join(goat("replay", "--owner", "eve", "--imported").shown.split())
    assert "3 imported messages asked again, as they came." in asked
    assert "3 turns replayed; every decision equals the recorded one, byte for byte." in asked
    again = goat("replay", "--owner", "eve", "--imported", "--set", "gap.threshold=1")
    assert again.status == 0
    assert "0 imported messages asked again, as they came; 3 left out: asked again before." in again.shown
    assert SAID[0][:60] in " ".join(again.shown.split())
