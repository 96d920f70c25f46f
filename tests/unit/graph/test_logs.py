"""The log in the data folder: one file for all processes, that rotates, and that is read back."""

import io
import json
import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pydantic import SecretStr
from rich.console import Console
from rich.logging import RichHandler

from graph.observability.log_reader import LogLine, read_logs
from graph.observability.logs import LineQueue, Lines, LineWriter, configure_logging, log_path
from graph.observability.turn_recorder import log_turn
from graph.settings.settings import Settings
from memory.errors import DataFolderError
from tests.observations import observation

SECRET = "no-pattern-fits-this"
WRITER = """
import logging, sys
from pathlib import Path
from graph.observability.logs import configure_logging
from graph.settings.settings import Settings
settings = Settings(data_folder=Path(sys.argv[1]), log_megabytes=0.05, log_files=50)
log = logging.getLogger("goat.test")
with configure_logging(settings):
    for number in range(int(sys.argv[3])):
        log.info("%s %d %s", sys.argv[2], number, "x" * (number % 700))
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_folder=tmp_path / "data", model_api_key=SecretStr(SECRET))


def test_lines_are_read_back_newest_last_and_filtered(settings: Settings) -> None:
    with configure_logging(settings):
        logging.getLogger("graph.runtime.agent").info("first")
        logging.getLogger("graph").warning("second %s", SECRET)
        logging.getLogger("httpx").info("a request")
        logging.getLogger("httpx").error("third")
        logging.getLogger("graph.runtime.agent").debug("too little")
    lines = read_logs(settings, 10)
    assert [line.message for line in lines] == ["first", "second [secret]", "third"]
    assert [line.message for line in read_logs(settings, 1)] == ["third"]
    assert [line.message for line in read_logs(settings, 10, "warning")] == ["second [secret]", "third"]
    assert read_logs(settings, 0) == []
    with pytest.raises(ValueError, match="write DEBUG"):
        read_logs(settings, 10, "loud")


def test_a_turn_is_one_line_without_owner_or_words(settings: Settings) -> None:
    with configure_logging(settings):
        log_turn(observation(owner="ana-maria"))
        log_turn(observation("t2"), {"message": "my words", "reply": f"{SECRET} words"})
    first, second = read_logs(settings, 10)
    assert first.observation["milliseconds"] == 930.0
    assert len(first.observation["owner"]) == 32
    assert "text" not in first.observation
    assert "ana-maria" not in log_path(settings).read_text()
    assert second.observation["text"] == {"message": "my words", "reply": "[secret] words"}


@pytest.mark.parametrize("at", [19_995, 26_990])
def test_no_half_of_a_secret_stays_where_a_long_message_is_cut(settings: Settings, at: int) -> None:
    with configure_logging(settings):
        log_turn(observation(), {"message": "1" * at + SECRET + "1" * 80_000})
    (line,) = read_logs(settings, 10)
    assert len(line.observation["text"]["message"]) < 40_000
    assert SECRET[:4] not in log_path(settings).read_text()


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


def test_other_handlers_show_no_secret_either_and_still_the_traceback(settings: Settings) -> None:
    terminal, stream = io.StringIO(), io.StringIO()
    handlers = [RichHandler(console=Console(file=terminal, width=200)), logging.StreamHandler(stream)]
    root = logging.getLogger()
    root.handlers[:0] = handlers
    try:
        with configure_logging(settings):
            try:
                int(SECRET)
            except ValueError:
                logging.getLogger("graph").warning("refused %s", SECRET, exc_info=True)
    finally:
        for handler in handlers:
            root.removeHandler(handler)
    for shown in (terminal.getvalue(), stream.getvalue(), read_logs(settings, 1)[0].error):
        assert SECRET not in shown
        assert "Traceback" in shown
        assert "ValueError: invalid literal for int() with base 10: '[secret]'" in shown
    assert not any(handler.filters for handler in handlers)


def test_a_predicate_is_asked_before_lines_are_counted(settings: Settings) -> None:
    with configure_logging(settings):
        for number in range(10):
            logging.getLogger("graph").info("%d", number)
    lines = read_logs(settings, 2, accept=lambda line: int(line.message) < 5)
    assert [line.message for line in lines] == ["3", "4"]


class Slow(logging.Handler):
    """Keep lines, from when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.began, self.may = threading.Event(), threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.began.set()
        self.may.wait()
        self.lines.append(record.getMessage())


def test_lines_that_are_dropped_are_counted() -> None:
    lines, slow = Lines(3), Slow()
    waiting, writer = LineQueue(lines), LineWriter(lines, slow)
    writer.start()
    log = [logging.LogRecord("x", logging.INFO, "f", 1, str(number), None, None) for number in range(12)]
    waiting.handle(log[0])
    assert slow.began.wait(60)
    for record in log[1:11]:
        waiting.handle(record)
    slow.may.set()
    waiting.flush()
    waiting.handle(log[11])
    waiting.flush()
    slow.may.clear()
    for record in log[:5]:
        waiting.handle(record)
    ending = threading.Thread(target=writer.stop)
    ending.start()
    slow.may.set()
    ending.join(60)
    assert not ending.is_alive()
    assert slow.lines[:4] == ["0", "1", "2", "3"]
    assert slow.lines[4].startswith("7 lines were dropped here")
    assert slow.lines[5:9] == ["11", "0", "1", "2"]


def test_what_was_dropped_last_is_told_when_the_log_is_closed(settings: Settings) -> None:
    log = logging.getLogger("graph")
    with configure_logging(settings, queued=1):
        for number in range(3000):
            log.info("%d", number)
    lines = [json.loads(line) for line in log_path(settings).read_bytes().splitlines()]
    told = [line["message"] for line in lines if line["logger"] == "graph.observability.logs"]
    written = len(lines) - len(told)
    assert written + sum(int(message.split()[0]) for message in told) == 3000


def test_logging_is_afterwards_as_it_was(settings: Settings) -> None:
    root, ours = logging.getLogger(), logging.getLogger("graph")
    before = (list(root.handlers), ours.level)
    with configure_logging(settings):
        assert (list(root.handlers), ours.level) != before
    assert (list(root.handlers), ours.level) == before


def test_only_its_user_may_read_the_log(settings: Settings) -> None:
    with configure_logging(settings):
        path = log_path(settings)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFolderError, match="GOAT_DATA_FOLDER"):
        configure_logging(Settings(data_folder=tmp_path / "file")).__enter__()


def test_a_log_whose_folder_was_gone_for_a_moment_goes_on(settings: Settings) -> None:
    log, folder = logging.getLogger("graph"), log_path(settings).parent
    with configure_logging(settings):
        (waiting,) = [one for one in logging.getLogger().handlers if isinstance(one, LineQueue)]
        log.info("before")
        waiting.flush()
        folder.rename(folder.with_name("elsewhere"))
        log.info("lost")
        waiting.flush()
        folder.mkdir()
        log.info("after")
    assert [line.message for line in read_logs(settings, 10)] == ["after"]


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


def test_processes_that_write_at_once_lose_and_mix_nothing(tmp_path: Path) -> None:
    lines, names = 800, ("a", "b")
    root = str(Path(__file__).parents[3])
    running = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), name, str(lines)],
            cwd=tmp_path,
            env={"PYTHONPATH": root},
        )
        for name in names
    ]
    assert [process.wait(600) for process in running] == [0, 0]
    files = [path for path in (tmp_path / "logs").iterdir() if path.suffix != ".lock"]
    assert 10 < len(files) <= 51
    said = [
        json.loads(line)["message"].split()[:2] for path in files for line in path.read_bytes().splitlines()
    ]
    for name in names:
        assert sorted(int(number) for who, number in said if who == name) == list(range(lines))
