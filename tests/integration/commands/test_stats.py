"""Figures of turns, from the turn to `goat stats`."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.commands.status_commands import run_stats
from graph.observability.log_reader import read_logs
from graph.observability.logs import configure_logging
from graph.runtime.agent import Agent
from graph.settings.settings import Settings
from graph.state.circumstances import Circumstances
from memory.models import Outcome
from memory.working.embedded_server import server_binary
from memory.working.redis_connection import RedisConnection
from memory.working.redis_metrics import RedisMetrics
from tests.observations import observation
from tests.servers.redis import running

THREAD = "6e6f7461-676f-5a74-8a32-2e30676f6174"


async def test_a_turn_is_observed_counted_and_logged(hash_vectors: None, e5_agent: Agent) -> None:
    layers = e5_agent.layers
    with configure_logging(layers.settings):
        await e5_agent.ask("Ticket ROSI-421 stands in the cellar", owner="ana", thread=THREAD, turn_id="t1")
        await e5_agent.ask("Where does ROSI-421 stand?", owner="ana", thread=THREAD[:-1] + "5", turn_id="t2")
        await e5_agent.ask("ROSI?", owner="ana", thread=THREAD, about=Circumstances(private=True))
        await layers.recorder.flush()
    first, second = await layers.observations.all(owner="ana")
    assert (first.turn_id, first.outcome, first.used) == ("t1", Outcome.ANSWERED, 0)
    assert (second.used, second.keys_meant, second.decisions[0].turn_id) == (1, True, "t1")
    assert {"prefetch", "working", "respond", "budget"} <= set(second.stages)
    assert second.milliseconds >= second.stages["respond"]
    assert second.thresholds["gap_threshold"] == 0.5
    assert "cellar" not in second.to_json()
    assert (await layers.metrics.read(2, owner="ana")).whole.turns == 2
    assert (await layers.metrics.read(2, owner="bob")).whole.turns == 0
    lines = read_logs(layers.settings, 10, accept=lambda line: line.logger == "goat.turn")
    assert [line.message.split()[1] for line in lines] == ["t1", "t2"]
    await e5_agent.erase("ana")
    assert (await layers.metrics.read(2, owner="ana")).whole.turns == 0
    assert await layers.observations.all(owner="ana") == []


async def test_the_command_draws_the_figures_or_prints_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(server_binary()) as url:
        settings = Settings(data_folder=tmp_path, redis_url=SecretStr(url))
        await run_stats(settings, days=7)
        assert "No turn of all owners in the last 7 days" in capsys.readouterr().out
        connection = RedisConnection(url)
        for number in range(3):
            await RedisMetrics(connection.client).add(observation(str(number), at=datetime.now(UTC)))
        await connection.close()
        await run_stats(settings, days=7, owner="ana")
        shown = capsys.readouterr().out
        await run_stats(settings, days=7, as_json=True)
        printed = json.loads(capsys.readouterr().out)
        await run_stats(settings, days=7, owner="bob")
        assert "No turn of bob" in capsys.readouterr().out
    assert "3 turns of ana" in shown
    assert "█" in shown
    assert "respond" in shown
    assert (printed["whole"]["turns"], printed["whole"]["injection_rate"]) == (3, 1.0)
