"""A data scientist's session through a real kernel, from an import to a running agent."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from bot.lab.past.notebook_archive import FIRST, story
from tests.notebooks.executing import execute_notebook, isolate

pytestmark = [pytest.mark.notebooks, pytest.mark.timeout(1200)]
PEOPLE = ("walt", "zuzana")
SMALL_TALK = 30
CELLS = {
    "import": """
        import asyncio, json, subprocess, sys
        from pathlib import Path
        from bot.lab import LabellingWidget, Past, Tuner, compare, open_agent
        from bot.lab import apply, propose, result_of, rollback
        goat = str(Path(sys.executable).parent / "goat")
        subprocess.run([goat, "import", "chats.jsonl", "--format", "jsonl", "--mine"], check=True)
        gold = json.loads(Path("gold.json").read_text())
        past = await Past.open()
        assert len(past.turns) == 0, past.turns
        print(past)
    """,
    "ask again": """
        await past.ask_imported()
        assert past.turns.imported.all() and past.turns.reproduced.all()
        print(past)
    """,
    "label 40 turns": """
        session = past.session()
        widget = LabellingWidget(session, past.in_force, clock=map(float, range(10**9)).__next__)
        def helps(asked):
            return asked.candidate.said == gold.get(asked.turn.message)
        while session.progress.turns < 40:
            (widget.relevant if helps(session.current) else widget.irrelevant).click()
            await asyncio.wrap_future(widget.saving)
        await past.labels.reload()
        print(session.progress)
    """,
    "drag": """
        tuner = Tuner(past, pause=0)
        for step in (0.1, 0.3, 0.6):
            tuner.set(gap_threshold=step)
        tuner.set(gap_break=3.0)
        await asyncio.wrap_future(tuner.working)
        assert tuner.changes == {"gap_threshold": 0.6, "gap_break": 3.0}
        assert set(tuner.decided.changes.change) == {"-"}
        assert all(bytes(curve.value).startswith(b"\\x89PNG") for curve in tuner.curves.values())
    """,
    "compare": """
        found = compare(past, {}, tuner.changes)
        assert found.difference.low > 0, found
        print(found)
    """,
    "too few labels": """
        refusals = propose(result_of(past, tuner.changes))
        assert any("too few" in one or "not proven" in one for one in refusals), refusals
    """,
    "label the rest": """
        while session.current is not None:
            await session.answer(helps(session.current))
        await past.labels.reload()
        result = result_of(past, tuner.changes)
        assert propose(result) == [], propose(result)
    """,
    "apply, and see the running agent change": """
        async def threshold():
            state = await agent.ask("Where did I park?", owner="somebody", thread="1")
            return state["thresholds"]["gap_threshold"]

        async with open_agent() as agent:
            before = await threshold()
            apply(result)
            after = await threshold()
            rollback()
            print(before, after, await threshold())
        await past.close()
    """,
}


def lines() -> Iterator[dict[str, str]]:
    """Yield two people's chats and what they ask of them, as an export would have them: latest first."""
    said, told = story()
    for episode in told:
        if episode.turn_id.startswith(PEOPLE):
            yield line(episode.message, episode.reply, episode.at, episode.thread)
    asked = [one for one in said if one.gold.startswith(PEOPLE)]
    for number, one in enumerate([*asked, *[one for one in said if not one.gold][:SMALL_TALK]]):
        at = FIRST + timedelta(days=one.day, hours=5, minutes=number)
        yield line(one.text, "Let me see.", at, f"asked {one.day}")


def line(message: str, reply: str, at: datetime, thread: str) -> dict[str, str]:
    return {"message": message, "reply": reply, "at": at.isoformat(), "thread": thread}


def gold() -> dict[str, str]:
    said, told = story()
    messages = {episode.turn_id: episode.said for episode in told}
    return {one.text: messages[one.gold] for one in said if one.gold}


async def test_a_session_from_an_import_to_a_running_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "chats.jsonl").write_text("\n".join(map(json.dumps, reversed(list(lines())))))
    (folder / "gold.json").write_text(json.dumps(gold()))
    (folder / "goat.toml").write_text("[gap]\nrule = 'staged'\nthreshold = 0.0\nbreak = 15.0\n")
    environment = dict[str, str]()
    isolate(environment, tmp_path / "home")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GOAT_TRUST", str(folder))
    executed = await execute_notebook(session(), folder)
    shown = ["".join(output.get("text", "") for output in cell.outputs) for cell in executed.notebook.cells]
    assert "0 recorded turns" in shown[0]
    assert "imported, and not asked again yet" in shown[0]
    assert "left out" not in shown[1]
    assert shown[2].startswith("40 of ")
    assert "days" in shown[4]
    assert shown[-1].split() == ["0.0", "0.6", "0.0"]
    assert executed.complaints == []


def session() -> Any:
    cells = [new_code_cell(dedent(source).strip()) for source in CELLS.values()]  # type: ignore[no-untyped-call]
    return new_notebook(cells=cells)  # type: ignore[no-untyped-call]
