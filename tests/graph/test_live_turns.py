"""A running agent takes what `goat tune` writes at its next turn."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from graph.app import open_agent
from graph.runtime.agent import Agent
from graph.settings.context import TurnContext
from graph.settings.settings import Settings
from graph.settings.settings_loader import load_settings
from graph.studio.studio_graph import ConfiguredContext, graph, layers
from graph.tuning.write_back import apply, rollback
from memory.recall.relevance import read_calibration
from memory.tuning.tuning_result import TuningResult
from tests.unit.settings.test_tuning import result

ANY = read_calibration("any")
ALL = ANY.model_copy(
    update={
        name: getattr(ANY, name).model_copy(update={"intercept": 30.0})
        for name in ("with_vectors", "words_alone")
    }
)
"""Calls everything relevant."""
QUESTION = "Which colour has the garage door?"


@pytest.fixture
async def running(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch, hash_vectors: None
) -> AsyncIterator[Agent]:
    """An agent as the commands open it, with something to remember."""
    monkeypatch.setenv("GOAT_DATA_FOLDER", str(data_folder))
    monkeypatch.setenv("GOAT_TIMEZONE", "UTC")
    monkeypatch.setenv("GOAT_PREFETCH_TIMEOUT", "30")
    async with open_agent(load_settings(), follow=True) as agent:
        await remember(agent)
        yield agent


async def remember(agent: Agent) -> None:
    await agent.layers.warm_up("ana")
    await agent.ask("We repainted the garage door in dark green.", owner="ana", thread="1", turn_id="told")


async def judged(agent: Agent, thread: str, context: TurnContext | None = None) -> tuple[float, float, str]:
    """Ask in a new thread; return a memory's score, what it was held against, and by which calibration."""
    state = await agent.ask(QUESTION, owner="ana", thread=thread, context=context)
    (decision,) = [one for one in state["decisions"] if one.turn_id == "told"]
    return round(decision.score, 3), decision.threshold, state["calibration"].name


def of_built_in(**changed: object) -> TuningResult:
    return result(embedding_model="multilingual-e5-small-q8-1-centred-1", **changed)


async def test_thresholds_and_calibration_hold_from_the_next_turn_on(running: Agent) -> None:
    score, threshold, name = await judged(running, "as it begins")
    assert (threshold, name) == (0.5, "")
    assert score < 0.999
    both = of_built_in(thresholds={"gap_threshold": 0.9}, calibration=ALL)
    await asyncio.to_thread(apply, both)
    assert await judged(running, "applied") == (1.0, 0.9, both.calibration_name)
    await running.layers.recorder.flush()
    (observed,) = await running.layers.observations.recent(owner="ana", limit=1)
    assert observed.thresholds["gap_calibration"] == both.calibration_name
    await asyncio.to_thread(rollback)
    assert (await judged(running, "rolled back"))[1:] == (0.5, "")
    former = TurnContext(owner="ana", gap_calibration=both.calibration_name, prefetch_timeout=30)
    assert await judged(running, "as then", former) == (1.0, 0.5, both.calibration_name)


async def test_settings_given_in_code_hold_whatever_the_file_says(
    data_folder: Path, hash_vectors: None
) -> None:
    given = Settings(data_folder=data_folder, timezone="UTC", gap_threshold=0.25, prefetch_timeout=30)
    async with open_agent(given) as agent:
        await asyncio.to_thread(Path("goat.toml").write_text, "gap_threshold = 1")
        await remember(agent)
        assert (await judged(agent, "2"))[1] == 0.25


async def test_studio_takes_them_at_its_next_request_and_shows_them_in_its_form() -> None:
    layers.cache_clear()  # those of another test watch its folder
    assert layers().live.latest().gap_threshold == ConfiguredContext.model_validate({}).gap_threshold
    await asyncio.to_thread(Path("goat.toml").write_text, "gap_threshold = 0.75")
    await layers().live.refresh()
    assert ConfiguredContext.model_validate({"owner": "ana"}).gap_threshold == 0.75
    assert ConfiguredContext.model_validate({"gap_threshold": 0.25}).gap_threshold == 0.25
    form = graph().get_context_jsonschema()
    assert form is not None
    assert form["properties"]["gap_threshold"]["default"] == 0.75
    await asyncio.to_thread(Path("goat.toml").unlink)
    os.utime(".", ns=(1, 1))  # a while ago
    await layers().live.refresh()
    assert ConfiguredContext.model_validate({}).gap_threshold == 0.5
