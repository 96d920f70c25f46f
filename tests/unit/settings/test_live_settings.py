"""Thresholds that follow their files, and settings that do not."""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from graph.layers import Layers
from graph.settings.settings import Settings
from graph.settings.settings_loader import load_settings
from graph.tuning.config_backup import ConfigBackup
from graph.tuning.live_settings import LiveSettings
from graph.tuning.toml_edit import edit_toml
from memory.errors import ConfigError
from memory.recall.relevance import read_calibration
from memory.tuning.tuning_result import Tuned
from tests.unit.settings.test_config_edit import tuned

ONE = read_calibration("any")


async def test_a_calibration_that_is_asked_for_is_found_or_refused_with_those_there_are() -> None:
    other = ONE.model_copy(update={"embedding_model": "other"})
    calibrations = {"ours": ONE.model_copy(update={"embedding_model": "this"}), "theirs": other}
    live = LiveSettings(Settings(calibrations=calibrations), follow=False)
    assert await live.require("ours", "this") == calibrations["ours"]
    with pytest.raises(ConfigError, match=r"'our' is unknown. Did you mean ours\? .* for this: ours\."):
        await live.require("our", "this")
    with pytest.raises(ConfigError, match=r"'theirs' is for other, not for this\. .* for this: ours\."):
        await live.require("theirs", "this")


def test_a_time_zone_of_the_machine_without_a_name_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TZ", "EST5EDT,M3.2.0,M11.1.0")
    monkeypatch.setattr("tzlocal.unix._cache_tz", None)
    with pytest.raises(ConfigError, match="GOAT_TIMEZONE"):
        Layers(Settings(data_folder=tmp_path, timezone=""))


def write(text: str, name: str = "goat.toml") -> None:
    """Replace the file, as `goat tune apply` and editors do."""
    Path("new").write_text(text)
    Path("new").replace(name)


def write_in_place(text: str) -> None:
    Path("goat.toml").write_text(text)
    os.utime("goat.toml", ns=(1, 1))


def remove(name: str = "goat.toml") -> None:
    Path(name).unlink()


def empty(name: str = "goat.toml") -> None:
    Path(name).write_text("")


def long_ago(path: str = ".") -> None:
    """Let the last change of a file, or in a folder, lie far back."""
    os.utime(path, ns=(1, 1))


def live(clock: Callable[[], float] = time.monotonic) -> LiveSettings:
    settings = load_settings()
    return LiveSettings(settings, follow=True, clock=clock)


async def thresholds(settings: LiveSettings) -> float:
    return (await settings.context()).gap_threshold


@pytest.mark.parametrize("name", ["goat.toml", ".env"])
@pytest.mark.parametrize("emptied", [True, False])
async def test_a_file_that_is_gone_for_a_moment_changes_nothing(name: str, emptied: bool) -> None:
    text = {"goat.toml": "gap_threshold = {}", ".env": "GOAT_GAP_THRESHOLD={}"}[name]
    write(text.format(0.6), name)
    now = [0.0]
    settings = live(lambda: now[0])
    for value in (0.6, 0.7):
        write(text.format(value), name)
        assert await thresholds(settings) == value
        empty(name) if emptied else remove(name)
        for seconds in (0.0, 0.5, 0.5):
            now[0] += seconds
            assert await thresholds(settings) == value
    now[0] += 0.5
    assert await thresholds(settings) == 0.5
    write(text.format(0.8), name)
    assert await thresholds(settings) == 0.8


async def test_a_file_that_was_gone_before_the_turn_is_gone() -> None:
    for emptied in (False, True):
        write("gap_threshold = 0.6")
        settings = live()
        assert await thresholds(settings) == 0.6
        empty() if emptied else remove()
        long_ago("goat.toml" if emptied else ".")
        assert await thresholds(settings) == 0.5


async def test_a_rollback_to_no_file_holds_at_once() -> None:
    settings, file = live(lambda: 0.0), ConfigBackup.here()
    with file.lock():
        file.replace(b"gap_threshold = 0.6")
        assert await thresholds(settings) == 0.6
        file.replace(None)
    assert await thresholds(settings) == 0.5


async def test_a_threshold_holds_from_the_next_turn_on() -> None:
    settings = live()
    assert (await settings.context("ana")).gap_threshold == 0.5
    write("gap_threshold = 0.6")
    context = await settings.context("ana")
    assert (context.owner, context.gap_threshold) == ("ana", 0.6)
    remove()
    long_ago()
    assert (await settings.context()).gap_threshold == 0.5


async def test_a_file_written_in_place_is_followed_too() -> None:
    write("gap_threshold = 0.6")
    settings = live()
    assert (await settings.context()).gap_threshold == 0.6
    write_in_place("gap_threshold = 0.7")
    assert (await settings.context()).gap_threshold == 0.7


async def test_all_other_settings_stay_as_they_were() -> None:
    settings = live()
    write("owner = 'somebody'\nfacts_cap = 3\ngap_break = 4")
    assert (await settings.context()).gap_break == 4
    assert (settings.current().owner, settings.current().facts_cap) == ("me", 500)


async def test_the_environment_and_its_file_go_on_winning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOAT_GAP_THRESHOLD", "0.3")
    settings = live()
    write("gap_threshold = 0.6\ngap_break = 4\nl2_cap = 7")
    write("GOAT_GAP_BREAK=5", ".env")
    context = await settings.context()
    assert (context.gap_threshold, context.gap_break, context.l2_cap) == (0.3, 5, 7)


async def test_a_broken_edit_changes_nothing_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    write("gap_threshold = 0.6")
    settings = live()
    await settings.context()
    for broken in (
        "gap_threshold = 7",
        "gap_treshold = 0.7",
        "gap_threshold =",
        "[calibrations.x]\nversion = 1",
    ):
        caplog.clear()
        write(broken)
        with caplog.at_level(logging.WARNING, "graph.tuning.live_settings"):
            assert [(await settings.context()).gap_threshold for _ in range(3)] == [0.6] * 3
        (told,) = caplog.messages
        assert "goat.toml" in told
    write("gap_threshold = 0.7")
    assert (await settings.context()).gap_threshold == 0.7


async def test_thresholds_that_name_no_rule_are_told_once_with_what_to_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    write("gap_threshold = 0.7")
    settings = live()
    await settings.context()
    write("gap_threshold = 0.7\nl2_cap = 7")
    assert (await settings.context()).l2_cap == 7
    (told,) = caplog.messages
    assert told.startswith("Set without gap_rule: gap_threshold. ")
    assert 'Set gap_rule = "calibrated" to restore the old selection' in told
    for fine in ('gap_threshold = 0.7\ngap_rule = "staged"', "gap_threshold = 0.7\ngap_calibration = 'one'"):
        caplog.clear()
        write(fine)
        await settings.context()
        assert not caplog.messages


async def test_calibrations_are_found_by_name_also_in_the_backup() -> None:
    settings, file = live(), ConfigBackup.here()
    assert await settings.find("one") is None
    with file.lock():
        file.replace(edit_toml("", tuned(gap_calibration="one"), new={"one": ONE}).encode())
    assert await settings.find("one") == ONE
    with file.lock():
        file.replace(b"broken =")
    assert await settings.find("one") == ONE
    (file.folder / "backup.toml").rename(file.folder / "0001.toml")  # as earlier versions kept it
    assert await settings.find("one") == ONE
    assert await settings.find("other") is None


def test_the_tables_are_read_and_what_is_broken_in_them_is_named() -> None:
    write(edit_toml("", tuned(gap_calibration="one"), new={"one": ONE}))
    settings = load_settings()
    assert settings.calibrations == {"one": ONE}
    assert isinstance(settings.tuned, Tuned)
    assert settings.gap_calibration == "one"
