"""The backup of `goat.toml`: whole, private, never two at a time, and read from earlier versions' files."""

import hashlib
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from graph.tuning.config_backup import ConfigBackup
from graph.tuning.write_back import NotWritten, rollback
from memory.errors import ConfigError

FILE, KEPT = Path("goat.toml"), Path("goat.toml.kept")


def replace(content: bytes | None) -> bytes | None:
    """Replace the file; return its former content, as the backup has it."""
    file = ConfigBackup.here()
    with file.lock():
        file.replace(content)
        return file.former()


def test_what_stood_there_is_kept_byte_for_byte() -> None:
    contents = [None, b"owner = 'a'\r\n", b"", b"\xff\x00 no text", None, b"x = 1"]
    assert [replace(content) for content in contents[1:]] == contents[:-1]
    assert FILE.read_bytes() == b"x = 1"
    assert ConfigBackup.here().is_unchanged()


def test_the_mode_of_the_file_stays_and_what_is_new_is_private() -> None:
    replace(b"a = 1")
    assert stat.S_IMODE(FILE.stat().st_mode) == 0o600
    FILE.chmod(0o640)
    replace(b"b = 1")
    assert stat.S_IMODE(FILE.stat().st_mode) == 0o640
    assert stat.S_IMODE(KEPT.stat().st_mode) == 0o700
    assert stat.S_IMODE((KEPT / "backup.toml").stat().st_mode) == 0o600
    assert sorted(path.name for path in Path().iterdir()) == ["goat.toml", "goat.toml.kept"]


def test_a_link_stays_a_link() -> None:
    Path("real").mkdir()
    Path("real/mine.toml").write_bytes(b"a = 1")
    FILE.symlink_to("real/mine.toml")
    replace(b"b = 1")
    assert FILE.is_symlink()
    assert Path("real/mine.toml").read_bytes() == b"b = 1"
    assert Path("real/mine.toml.kept").is_dir()


def test_two_at_once_follow_each_other() -> None:
    with ThreadPoolExecutor(8) as pool:
        former = set(pool.map(lambda number: replace(str(number).encode()), range(16)))
    assert former | {FILE.read_bytes()} == {None, *(str(number).encode() for number in range(16))}


@pytest.mark.parametrize(("name", "content"), [("backup.toml", b"c = 1"), ("backup.json", b"{")])
def test_a_backup_that_was_changed_is_refused(name: str, content: bytes) -> None:
    FILE.write_bytes(b"a = 1")
    replace(b"b = 1")
    (KEPT / name).write_bytes(content)
    with pytest.raises(ConfigError, match=r"was changed since .* Look at .*backup\.toml"):
        rollback()
    assert FILE.read_bytes() == b"b = 1"
    assert replace(b"d = 1") == b"b = 1"


def test_what_is_no_file_is_told() -> None:
    FILE.mkdir()
    with pytest.raises(ConfigError, match="cannot be used: Is a directory"):
        replace(b"a = 1")


def store_version(number: int, action: str, before: bytes | None, after: bytes) -> None:
    """Store a version as GOAT did when it kept twenty."""
    digests = {
        name: one if one is None else hashlib.sha256(one).hexdigest()
        for name, one in (("before", before), ("after", after))
    }
    KEPT.mkdir(mode=0o700, exist_ok=True)
    record = {"number": number, "at": "2026-03-01T12:00:00Z", "action": action, **digests, "tuned": None}
    (KEPT / f"{number:04}.json").write_text(json.dumps(record))
    if before is not None:
        (KEPT / f"{number:04}.toml").write_bytes(before)


def test_the_last_of_twenty_kept_versions_is_the_backup() -> None:
    store_version(9, "apply", None, b"a = 1")
    store_version(10, "apply", b"a = 1", b"b = 1")
    FILE.write_bytes(b"b = 1 # by hand")
    with pytest.raises(NotWritten, match="edited since"):
        rollback()
    FILE.write_bytes(b"b = 1")
    for content in (b"a = 1", b"b = 1", b"a = 1"):
        rollback()
        assert FILE.read_bytes() == content
