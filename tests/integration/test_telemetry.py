"""Spans that reach an OTLP receiver, and a receiver that nobody hears of."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from graph.app import open_agent
from graph.observability.telemetry import Telemetry
from graph.settings.settings import Settings
from graph.state.circumstances import Circumstances
from tests.servers.otlp import OtlpReceiver, running_otlp

NODES = {"prefetch", "identity", "facts", "working", "gap_filter", "budget", "assemble", "respond", "archive"}
THREAD = "6e6f7461-676f-5a74-8a32-2e30676f6174"


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with running_otlp() as running:
        yield running


@pytest.fixture
def traced(settings: Settings, receiver: OtlpReceiver, hash_vectors: None) -> Settings:
    return settings.model_copy(update={"otlp_endpoint": receiver.url})


async def test_a_turn_is_one_trace_of_numbers(traced: Settings, receiver: OtlpReceiver) -> None:
    async with open_agent(traced) as agent:
        await agent.ask("my PIN is plum", owner="ana", thread=THREAD, turn_id="t1")
        await agent.ask(
            "my PIN is plum", owner="ana", thread=THREAD, turn_id="t2", about=Circumstances(private=True)
        )
    spans = {span.name: span for span in receiver.spans}
    assert len(spans) == len(receiver.spans)
    assert {f"goat.{name}" for name in NODES} | {"goat.turn"} <= set(spans)
    turn = spans["goat.turn"]
    assert not turn.parent_span_id
    assert {span.trace_id for span in receiver.spans} == {turn.trace_id}
    assert all(spans[f"goat.{name}"].parent_span_id == turn.span_id for name in NODES)
    assert receiver.services == {"goat"}
    assert b"plum" not in b"".join(request.SerializeToString() for request in receiver.requests)


async def test_the_standard_variable_is_enough(
    settings: Settings, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    telemetry = Telemetry(settings)
    await telemetry.open()
    tracer = telemetry.tracer()
    assert tracer
    with tracer.start_as_current_span("goat.test"):
        pass
    await telemetry.close()
    assert [span.name for span in receiver.spans] == ["goat.test"]


@pytest.mark.parametrize("state", ["hanging", "gone"])
async def test_a_receiver_that_does_not_answer_holds_nobody_up(
    settings: Settings, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr("graph.observability.otlp.SECONDS", 10**6)
    monkeypatch.setattr("graph.observability.telemetry.CLOSING_SECONDS", 0.1)
    url = receiver.url if state == "hanging" else "http://127.0.0.1:1"
    receiver.hanging.set()
    telemetry = Telemetry(settings.model_copy(update={"otlp_endpoint": url}))
    await telemetry.open()
    for _ in range(3000):
        tracer = telemetry.tracer()
        assert tracer
        with tracer.start_as_current_span("goat.test"):
            pass
    await telemetry.close()
    assert receiver.spans == []
    receiver.ending.set()  # the thread that still sends ends with it


def test_without_a_receiver_nothing_is_imported_or_kept(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys\n"
        "from graph.settings.settings import Settings\n"
        "from graph.observability.telemetry import Telemetry\n"
        "telemetry = Telemetry(Settings())\n"
        "asyncio.run(telemetry.open())\n"
        "assert telemetry.tracer() is None\n"
        "print([name for name in sys.modules if 'otlp' in name])\n"
    )
    root = Path(__file__).parents[2]
    command, environment = [sys.executable, "-c", code], {"PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert (done.stdout.decode().strip(), done.returncode) == ("[]", 0), done.stderr.decode()
