"""Data folders that cannot be used, as the user of `goat` meets them: what is said, and what is kept."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.goat import COMMAND, Goat, Ran, environment_for, quick_embeddings, run_child, settings_for
from tests.nursery import Nursery
from tests.servers.chroma import free_port
from tests.servers.model import ModelServer

TOLD = b"My bicycle Rosinante stands in the cellar.\n"
ASKED = b"Where is my bicycle?\n"
KNOWN = "Rosinante stands in the cellar"
CONVERSATION = (
    '{"message": "Where is the kayak?", "reply": "Under the bridge.", "at": "2026-03-01T10:00:00Z"}'
)


@pytest.fixture
def chat(goat: Goat, data_folder: Path) -> Callable[[bytes], Ran]:
    """A run of `goat chat` without a model, into which something is piped; it never breaks down."""
    goat.configure(settings_for(data_folder))

    def run(typed: bytes) -> Ran:
        ran = goat("chat", typed=typed)
        assert "Traceback" not in ran.shown, ran.shown
        return ran

    return run


Chat = Callable[[bytes], Ran]


def refused(ran: Ran, *words: str) -> None:
    """Check that a run ended with a message of one paragraph that holds these words."""
    assert ran.status == 1, ran.shown
    assert "Traceback" not in ran.shown
    *_, message = ran.shown.rstrip().splitlines()
    for word in words:
        assert word in message, ran.shown


@pytest.mark.process
def test_a_folder_that_may_not_be_written(chat: Chat, data_folder: Path, tmp_path: Path) -> None:
    chat(TOLD)
    with read_only(data_folder):
        done = subprocess.run(
            [*without_privilege(), str(COMMAND), "chat"],
            env=environment_for(settings_for(data_folder)),
            cwd=tmp_path,
            input=ASKED,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    ran = Ran(done.returncode, done.stdout.decode())
    refused(ran, str(data_folder), "Permission denied", "make it writable", "GOAT_DATA_FOLDER")
    assert KNOWN in chat(ASKED).shown


def test_a_file_in_the_place_of_the_folder(goat: Goat, tmp_path: Path, model_folder: Path) -> None:
    folder = tmp_path / "data"
    folder.write_text("not a folder", encoding="utf-8")
    (tmp_path / "kayak.jsonl").write_text(CONVERSATION, encoding="utf-8")
    goat.configure(settings_for(folder))
    refused(goat("chat", typed=TOLD), str(folder), "GOAT_DATA_FOLDER")
    refused(goat("import", "--format", "jsonl", "kayak.jsonl"), str(folder))
    refused(goat("reindex"), str(folder))
    folder.unlink()
    folder.mkdir()
    (folder / "models").symlink_to(model_folder)
    assert "imported 1 new turns of 1" in goat("import", "--format", "jsonl", "kayak.jsonl").shown
    assert "Under the bridge" in goat("chat", typed=b"Where did I leave the kayak?\n").shown


def test_a_full_disk_at_the_start(goat: Goat, small_disk: Path, model_folder: Path) -> None:
    goat.configure(settings_for(small_disk))
    (small_disk / "models").symlink_to(model_folder)
    goat("chat", typed=TOLD)
    filler = fill(small_disk)
    refused(goat("chat", typed=ASKED), str(small_disk), "No space left on device", "Free some space")
    Path("kayak.jsonl").write_text(CONVERSATION, encoding="utf-8")
    refused(goat("import", "--format", "jsonl", "kayak.jsonl"), str(small_disk), "disk has room")
    filler.unlink()
    assert "imported 1 new turns of 1" in goat("import", "--format", "jsonl", "kayak.jsonl").shown
    assert KNOWN in goat("chat", typed=ASKED).shown


def test_an_import_waits_for_no_pipe(goat: Goat, data_folder: Path) -> None:
    goat.configure(settings_for(data_folder))
    os.mkfifo("kayak.jsonl")
    refused(goat("import", "kayak.jsonl"), "found a pipe")


def test_a_disk_that_fills_up_during_a_turn(
    nursery: Nursery, goat: Goat, small_disk: Path, model: ModelServer
) -> None:
    settings = settings_for(small_disk, model) | quick_embeddings(model)

    def fill_up(_: object) -> str:
        fill(small_disk)
        return "a reply that finds no room"

    model.reply(fill_up)
    words, environment = ("goat", "chat"), environment_for(settings)
    ran = run_child(nursery, words, environment, small_disk.parent, TOLD + b"/why\n")
    assert "Traceback" not in ran.shown
    assert "a reply that finds no room" in ran.shown
    assert "No space left" in ran.shown.rpartition("finds no room")[2]
    (small_disk / "filler").unlink()
    model.reply("noted")
    goat.configure(settings)
    again = goat("chat", "--continue", typed=b"What did I say?\n")
    assert "A reply that was cut off is finished now" in again.shown
    assert again.shown.count("> My bicycle Rosinante") == 1
    assert "Rosinante" in model.chats[-1].prompt


def test_vectors_of_another_embedding_model(goat: Goat, data_folder: Path, model: ModelServer) -> None:
    goat.configure(settings_for(data_folder))
    goat("chat", typed=TOLD)
    goat.configure(quick_embeddings(model) | {"GOAT_PREFETCH_TIMEOUT": "10"})
    ran = goat("chat", typed=ASKED + b"/why\n")
    assert ran.status == 0
    assert "were made by multilingual-e5" in ran.shown
    assert "not by endpoint:hashed" in ran.shown
    assert "run `goat reindex --owner me`" in ran.shown
    assert "2 turns of me are embedded again by endpoint:hashed" in goat("reindex").shown
    mended = goat("chat", typed=b"My bicycle Rosinante stands where?\n/why\n")
    assert "were made by" not in mended.shown
    assert "2 found" in mended.shown
    other = goat("reindex", "--model", "built-in").shown
    assert "3 turns of me are embedded again by multilingual-e5" in other
    assert "turns by both models" in other
    assert "The agent goes on with the present vectors" in other
    assert "me has no vectors by multilingual-e5" in goat("reindex", "--drop-others").shown
    assert "were made by" not in goat("chat", typed=b"My bicycle Rosinante stands where?\n/why\n").shown


def test_reindex_sets_the_model_when_all_owners_are_embedded(
    goat: Goat, data_folder: Path, model: ModelServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    embeddings = quick_embeddings(model)
    goat.configure(settings_for(data_folder) | embeddings)
    monkeypatch.delenv("GOAT_EMBEDDING_MODEL")
    goat("chat", typed=TOLD)
    assert "--use needs --model" in goat("reindex", "--use").shown
    goat.configure({"GOAT_EMBEDDING_BASE_URL": f"http://127.0.0.1:{free_port()}/v1"})
    unreachable = goat("reindex", "--model", "nonsense", "--use")
    assert unreachable.status != 0
    assert not (tmp_path / "config").exists()
    goat.configure({"GOAT_EMBEDDING_BASE_URL": embeddings["GOAT_EMBEDDING_BASE_URL"]})
    told = goat("reindex", "--model", embeddings["GOAT_EMBEDDING_MODEL"], "--use").shown
    assert "1 turns of me are embedded again by endpoint:hashed" in told
    assert f"{tmp_path / 'config' / 'goat' / 'goat.toml'} names the model now" in told
    assert "overrides it" not in told
    assert "me has no vectors by multilingual-e5" in goat("reindex", "--drop-others").shown
    assert "were made by" not in goat("chat", typed=ASKED + b"/why\n").shown
    goat.configure(embeddings)
    assert "the environment sets embedding_model" in goat("reindex", "--model", "built-in", "--use").shown


def test_an_owner_file_that_cannot_be_read(chat: Chat, goat: Goat, data_folder: Path) -> None:
    chat(TOLD)
    (file,) = (data_folder / "owners").glob("*.sqlite")
    kept = file.read_bytes()
    file.write_bytes(b"this is no database " * 1000)
    ran = chat(ASKED + b"/facts\n")
    assert ran.status == 0
    assert ran.shown.count(f"{file} cannot be read (file is not a database); restore it from a backup") == 2
    assert "to start over. Your message is kept, and is answered before your next one." in ran.shown
    Path("kayak.jsonl").write_text(CONVERSATION, encoding="utf-8")
    refused(goat("import", "--format", "jsonl", "kayak.jsonl"), str(file), "restore it from a backup")
    file.write_bytes(kept)
    assert KNOWN in chat(ASKED).shown


@pytest.mark.process
def test_an_embedding_model_that_is_damaged_is_built_again(
    chat: Chat, data_folder: Path, model_folder: Path
) -> None:
    chat(TOLD)
    (data_folder / "models").unlink()
    shutil.copytree(model_folder, data_folder / "models")
    (encoder,) = (data_folder / "models").glob("*/encoder.onnx")
    content = encoder.read_bytes()
    encoder.write_bytes(content[:1000] + b"\0" * 1000 + content[2000:])
    assert KNOWN in chat(ASKED).shown
    assert encoder.read_bytes() == content


def test_an_embedding_model_that_cannot_be_built(chat: Chat, data_folder: Path, model_folder: Path) -> None:
    (data_folder / "models").unlink()
    (data_folder / "models").write_text("not a folder", encoding="utf-8")
    ran = chat(TOLD + b"/why\n")
    assert ran.status == 0
    assert "Nothing that I remember belongs to this." in ran.shown
    assert f"cannot keep the embedding model in {data_folder / 'models'}" in ran.shown
    assert "make the folder writable" in ran.shown
    (data_folder / "models").unlink()
    (data_folder / "models").symlink_to(model_folder)
    assert chat(b"/help\n").status == 0
    assert KNOWN in chat(ASKED).shown


@pytest.mark.parametrize("kind", ["file", "dead socket"])
def test_a_socket_that_is_left_over(goat: Goat, data_folder: Path, model: ModelServer, kind: str) -> None:
    goat.configure(settings_for(data_folder, model) | quick_embeddings(model))
    path = data_folder / "redis" / "redis.sock"
    path.parent.mkdir(mode=0o700)
    if kind == "file":
        path.write_text("in the way", encoding="utf-8")
    else:
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(path))
    ran = goat("chat", typed=TOLD)
    assert ran.status == 0
    assert "I see" in ran.shown


def test_a_folder_for_sockets_that_others_may_enter(
    goat: Goat, tmp_path: Path, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(prefix="goat") as short, monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", short)
        deep = tmp_path / ("deep" * 30)
        goat.configure(settings_for(deep, model) | quick_embeddings(model))
        assert goat("chat", typed=TOLD).status == 0
        (private,) = Path(short).glob("goat-*")
        private.chmod(0o777)
        refused(goat("chat", typed=ASKED), str(private), "Remove it, or choose a data folder")
        shutil.rmtree(private)
        assert goat("chat", typed=ASKED).status == 0


def test_the_embedded_server_takes_no_port(goat: Goat, data_folder: Path, model: ModelServer) -> None:
    goat.configure(settings_for(data_folder, model) | quick_embeddings(model))
    seen: list[tuple[str, list[object]]] = []

    def look(_: object) -> str:
        server = psutil.Process(int((data_folder / "redis" / "redis.pid").read_text(encoding="utf-8")))
        seen.append((server.name(), list(server.net_connections("inet"))))
        return "looked"

    model.reply(look)
    assert "looked" in goat("chat", typed=TOLD).shown
    ((name, connections),) = seen
    assert re.search("valkey|redis", name)
    assert connections == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A data folder on a disk of its own that is soon full."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no byte of the disk free."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return filler


class read_only:  # noqa: N801 - reads as a statement
    """Take the right to write away from a folder and all that is in it, for the time of the block."""

    def __init__(self, folder: Path) -> None:
        self._paths = [folder, *(path for path in folder.rglob("*") if not path.is_symlink())]

    def __enter__(self) -> None:
        for path in reversed(self._paths):
            path.chmod(0o500 if path.is_dir() else 0o400)

    def __exit__(self, *_: object) -> None:
        for path in self._paths:
            path.chmod(0o700 if path.is_dir() else 0o600)


def without_privilege() -> list[str]:
    """Return what a command is put behind, so that permissions hold for root too."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and there is no setpriv")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
