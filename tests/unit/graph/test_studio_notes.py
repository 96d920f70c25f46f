"""What LangGraph's server wrote before it was stopped, and what is erased from that while it does not run."""

import os
import pickle
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from graph.runtime.server_notes import RUNS, forget_runs, is_running, mark_running
from graph.state.turn_state import Reply
from memory.models import Outcome
from tests.disk import found

SAID = "xylophonic"


class Call:
    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("called",)


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    (tmp_path / "studio").mkdir()
    path = tmp_path / "studio" / ".langgraph_ops.pckl"
    made = {"assistant_id": uuid.uuid4(), "name": "mine", "created_at": datetime.now(UTC)}
    values = {"reply": Reply(text=SAID, outcome=Outcome.ANSWERED), "call": Call()}
    thread = {"thread_id": uuid.uuid4(), "values": values, "metadata": {"owner": "ana"}}
    run = {"run_id": uuid.uuid4(), "kwargs": {"input": SAID}}
    kept = {"assistants": [made], "assistant_versions": [], "threads": [thread], "runs": [run], "crons": []}
    path.write_bytes(pickle.dumps(kept, 2))
    return path


def test_runs_and_threads_go_and_assistants_stay(tmp_path: Path, notes: Path) -> None:
    assert found(tmp_path, SAID)
    assert forget_runs(tmp_path) == ""
    assert found(tmp_path, SAID) == {}
    left = pickle.loads(notes.read_bytes())
    assert (left["threads"], left["runs"]) == ([], [])
    assert left["assistants"][0]["name"] == "mine"
    assert notes.stat().st_mode & 0o077 == 0
    assert not Path("called").exists()


def test_a_server_that_runs_is_left_to_drop_them_itself(tmp_path: Path, notes: Path) -> None:
    in_use = mark_running(tmp_path)
    assert forget_runs(tmp_path) == RUNS
    assert found(tmp_path, SAID)
    assert is_running(tmp_path)
    os.close(in_use)
    assert not is_running(tmp_path)
    assert forget_runs(tmp_path) == ""


@pytest.mark.parametrize(
    "content",
    [b"", b"xylophonic", pickle.dumps({"assistants": [Reply(text=SAID, outcome=Outcome.ANSWERED)]})],
)
def test_notes_that_cannot_be_read_go_as_a_whole(tmp_path: Path, notes: Path, content: bytes) -> None:
    notes.write_bytes(content)
    assert forget_runs(tmp_path) == ""
    assert not found(tmp_path, SAID)


def test_where_no_server_ever_ran_there_is_nothing_to_do(tmp_path: Path) -> None:
    assert forget_runs(tmp_path) == ""
    assert not list(tmp_path.iterdir())
