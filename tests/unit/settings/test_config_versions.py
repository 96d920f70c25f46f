"""The former versions of `goat.toml`: whole, private, bounded, and never two at a time."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from graph.tuning.config_versions import KEPT, ConfigVersions, Version, digest_of
from memory.errors import ConfigError

FILE = Path("goat.toml")


def replace(content: bytes | None) -> Version:
    file = ConfigVersions.here()
    with file.lock():
        return file.replace(content, "apply")


def test_what_stood_there_is_kept_byte_for_byte() -> None:
    contents = [None, b"owner = 'a'\r\n", b"", b"\xff\x00 no text", None, b"x = 1"]
    versions = [replace(content) for content in contents[1:]]
    file = ConfigVersions.here()
    assert file.read() == b"x = 1"
    assert [file.content(version) for version in versions] == contents[:-1]
    assert [version.after for version in versions] == [digest_of(content) for content in contents[1:]]
    assert file.versions() == versions[::-1]


def test_the_mode_of_the_file_stays_and_a_new_one_is_private() -> None:
    replace(b"a = 1")
    assert stat.S_IMODE(FILE.stat().st_mode) == 0o600
    FILE.chmod(0o640)
    version = replace(b"b = 1")
    assert stat.S_IMODE(FILE.stat().st_mode) == 0o640
    folder = ConfigVersions.here().folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / f"{version.number:04}.toml").stat().st_mode) == 0o600
    assert sorted(path.name for path in Path().iterdir()) == ["goat.toml", "goat.toml.kept"]


def test_a_link_stays_a_link() -> None:
    Path("real").mkdir()
    Path("real/mine.toml").write_bytes(b"a = 1")
    FILE.symlink_to("real/mine.toml")
    replace(b"b = 1")
    assert FILE.is_symlink()
    assert Path("real/mine.toml").read_bytes() == b"b = 1"
    assert Path("real/mine.toml.kept").is_dir()


def test_the_latest_are_kept() -> None:
    for number in range(KEPT + 3):
        replace(str(number).encode())
    file = ConfigVersions.here()
    assert [version.number for version in file.versions()] == list(range(KEPT + 3, 3, -1))
    assert len(list(file.folder.glob("*.toml"))) == KEPT


def test_two_at_once_follow_each_other() -> None:
    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(lambda number: replace(str(number).encode()), range(16)))
    assert sorted(version.number for version in versions) == list(range(1, 17))
    chain = {version.before: version.after for version in versions}
    assert len(chain) == 16


def test_a_version_that_was_tampered_with_is_refused() -> None:
    replace(b"a = 1")
    version = replace(b"b = 1")
    file = ConfigVersions.here()
    (file.folder / f"{version.number:04}.toml").write_bytes(b"c = 1")
    with pytest.raises(ConfigError, match="was changed since"):
        file.content(version)
    (file.folder / f"{version.number:04}.json").write_bytes(b"{")
    assert [one.number for one in file.versions()] == [1]
    assert replace(b"d = 1").number == 3


def test_what_is_no_file_is_told() -> None:
    FILE.mkdir()
    with pytest.raises(ConfigError, match="cannot be used: Is a directory"):
        replace(b"a = 1")
