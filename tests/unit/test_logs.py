"""The log in the data folder: one file for all processes, that rotates, and that is read back."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from graph.log_reading import LogLine, read_logs
from graph.logs import Logs, configure_logging, log_path, log_turn
from graph.settings import Settings
from memory.errors import DataFolderError
from tests.observations import observation

SECRET = "no-pattern-fits-this"
WRITER = """
import logging, sys
from pathlib import Path
from graph.logs import configure_logging
from graph.settings import Settings
settings = Settings(data_folder=Path(sys.argv[1]), log_megabytes=0.05, log_files=50)
log = logging.getLogger("goat.test")
with configure_logging(settings) as logs:
    for number in range(int(sys.argv[3])):
        log.info("%s %d %s", sys.argv[2], number, "x" * (number % 700))
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_folder=tmp_path / "data", model_api_key=SecretStr(SECRET))


@pytest.fixture
def logs(settings: Settings) -> Iterator[Logs]:
    with configure_logging(settings) as logs:
        yield logs


def test_lines_are_read_back_newest_last_and_filtered(settings: Settings) -> None:
    with configure_logging(settings):
        logging.getLogger("graph.agent").info("first")
        logging.getLogger("graph").warning("second %s", SECRET)
        logging.getLogger("httpx").info("a request")
        logging.getLogger("httpx").error("third")
        logging.getLogger("graph.agent").debug("too little")
    lines = read_logs(settings, 10)
    assert [line.message for line in lines] == ["first", "second [secret]", "third"]
    assert [line.message for line in read_logs(settings, 1)] == ["third"]
    assert [line.message for line in read_logs(settings, 10, "warning")] == ["second [secret]", "third"]
    assert [line.message for line in read_logs(settings, 10, logger="graph.agent")] == ["first"]
    assert [line.message for line in read_logs(settings, 10, containing="SECOND")] == ["second [secret]"]
    assert read_logs(settings, 10, since=datetime.now(UTC) + timedelta(hours=1)) == []
    assert read_logs(settings, 0) == []
    with pytest.raises(ValueError, match="write DEBUG"):
        read_logs(settings, 10, "loud")


def test_a_turn_is_one_line_without_owner_or_words(settings: Settings) -> None:
    with configure_logging(settings):
        log_turn(observation(owner="ana-maria"))
        log_turn(observation("t2"), {"message": "my words", "reply": f"{SECRET} words"})
    first, second = read_logs(settings, 10, logger="goat.turn")
    assert first.observation["milliseconds"] == 930.0
    assert len(first.observation["owner"]) == 32
    assert "text" not in first.observation
    assert "ana-maria" not in log_path(settings).read_text()
    assert second.observation["text"] == {"message": "my words", "reply": "[secret] words"}


def test_a_traceback_is_on_the_same_line(settings: Settings) -> None:
    with configure_logging(settings):
        try:
            int(SECRET)
        except ValueError:
            logging.getLogger("graph").exception("failed\nbadly", stack_info=True)
    (line,) = read_logs(settings, 10)
    assert line.message == "failed\nbadly"
    assert "'[secret]'" in line.error
    assert SECRET not in log_path(settings).read_text()


def test_logging_is_afterwards_as_it_was(settings: Settings) -> None:
    root, ours = logging.getLogger(), logging.getLogger("graph")
    before = (list(root.handlers), ours.level)
    configure_logging(settings).close()
    assert (list(root.handlers), ours.level) == before


def test_only_its_user_may_read_the_log(settings: Settings, logs: Logs) -> None:
    path = log_path(settings)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFolderError, match="GOAT_DATA_FOLDER"):
        configure_logging(Settings(data_folder=tmp_path / "file"))


def test_no_more_is_kept_than_was_asked_for(settings: Settings) -> None:
    small = settings.model_copy(update={"log_megabytes": 0.01, "log_files": 2})
    with configure_logging(small):
        for number in range(1000):
            logging.getLogger("graph").info("line %d %s", number, "x" * 100)
    files = sorted(path.name for path in log_path(small).parent.glob("goat.log*") if path.suffix != ".lock")
    assert files == ["goat.log", "goat.log.1", "goat.log.2"]
    assert sum((log_path(small).parent / name).stat().st_size for name in files) < 33_000
    lines = read_logs(small, 100)
    assert [line.message.split()[1] for line in lines] == [str(number) for number in range(900, 1000)]


def test_what_is_no_line_of_ours_is_passed_over(settings: Settings) -> None:
    with configure_logging(settings):
        logging.getLogger("graph").info("one")
    with log_path(settings).open("ab") as file:
        for odd in (b"", b"{}", b"[1]", b"\xff\xfe", b'{"at": "yesterday"}', b"null", b'{"at": 1}'):
            file.write(odd + b"\n")
        file.write(json.dumps({"at": "2026-05-01T12:00:00+00:00", "message": "half"}).encode()[:20])
    assert [line.message for line in read_logs(settings, 10)] == ["one"]
    assert isinstance(read_logs(settings, 10)[0], LogLine)


def test_a_log_that_is_not_there_is_empty(settings: Settings) -> None:
    assert read_logs(settings, 10) == []


def test_processes_that_write_at_once_lose_and_mix_nothing(tmp_path: Path) -> None:
    lines, names = 1500, ("a", "b")
    root = str(Path(__file__).parents[2])
    running = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), name, str(lines)],
            cwd=tmp_path,
            env={"PYTHONPATH": root},
        )
        for name in names
    ]
    assert [process.wait(60) for process in running] == [0, 0]
    files = [path for path in (tmp_path / "logs").iterdir() if path.suffix != ".lock"]
    assert 10 < len(files) <= 51
    said = [
        json.loads(line)["message"].split()[:2] for path in files for line in path.read_bytes().splitlines()
    ]
    for name in names:
        assert sorted(int(number) for who, number in said if who == name) == list(range(lines))
