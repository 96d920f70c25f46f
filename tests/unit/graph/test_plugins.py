"""What plugins rest on: addresses, names that clash, output that is cut, settings that are shown."""

import os
import time
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from pydantic import SecretStr

from graph.settings.settings import Settings
from graph.tools.plugins.addresses import (
    AddressRefused,
    check_addresses,
    is_public,
    networks_of,
    own_networks,
    resolve,
)
from graph.tools.plugins.command import HeadAndTail
from graph.tools.plugins.plugin_registry import resolve_clashes
from graph.tools.plugins.services import (
    ArtifactUpkeep,
    SettingsView,
    artifacts_of,
    erase_artifacts,
    remove_old,
)
from tests.plugins import plugin_of, services_of, until
from tests.tables import each


@each(
    "address",
    [
        "168.63.129.16", "::ffff:168.63.129.16",
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.1.1",
        "198.18.0.1", "198.51.100.1",
        "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::7f00:1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
        "64:ff9b::a00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:53aa:64c:0:0:f5ff:fffe",
        "2001:db8::1", "2002:7f00:1::",
        "2002:a9fe:a9fe::", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "5f00::1",
    ],
)  # fmt: skip
def test_what_is_not_public_is_known(address: str) -> None:
    assert not is_public(ip_address(address))


@each(
    "address",
    ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "192.0.1.1", "223.255.255.255",
     "2606:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"],
)  # fmt: skip
def test_what_is_public_is_known(address: str) -> None:
    assert is_public(ip_address(address))


@given(st.ip_addresses())
def test_nothing_is_public_that_python_calls_private(address: object) -> None:
    known = ip_address(str(address))
    if (
        known.is_private
        or known.is_loopback
        or known.is_link_local
        or known.is_multicast
        or known.is_unspecified
    ):
        assert not is_public(known) or str(known).startswith(("2002:", "64:ff9b::", "::ffff:"))


@each("found", [["8.8.8.8", "127.0.0.1"], ["fe80::1%eth0"], ["2606:4700::1%lo"]])
def test_one_address_that_is_not_public_spoils_the_host(found: list[str]) -> None:
    with pytest.raises(AddressRefused, match="not on the public internet"):
        check_addresses("mixed.example", found)


INTERFACES = [
    ("52.1.2.3", "255.255.255.0"),
    ("2a01:4f8::1%eth0", "ffff:ffff:ffff:ffff::"),
    ("2001:41d0::5", None),
    ("40.0.0.1", "0.0.0.0"),  # as some tunnels have it
    ("aa:bb:cc:dd:ee:ff", None),
    ("", ""),
]


@each(
    "address",
    ["52.1.2.3", "52.1.2.200", "2a01:4f8::1", "2a01:4f8::77", "2001:41d0::5", "40.0.0.1",
     "::ffff:52.1.2.9", "64:ff9b::3401:209", "2002:3401:0209::1"],
)  # fmt: skip
def test_the_machines_own_networks_are_refused_also_public_ones(address: str) -> None:
    with pytest.raises(AddressRefused, match="not on the public internet"):
        check_addresses("own.example", [address], networks_of(INTERFACES))


def test_what_is_beside_the_machines_own_networks_is_reached() -> None:
    beside = ["52.1.3.1", "2a01:4f8:0:1::1", "2001:41d0::6", "40.0.0.2"]
    assert check_addresses("beside.example", beside, networks_of(INTERFACES)) == beside


async def test_the_networks_of_this_machine_are_known() -> None:
    assert ip_network("127.0.0.0/8") in own_networks()
    assert await resolve("localhost", 80, private=True)
    with pytest.raises(AddressRefused, match="not on the public internet"):
        await resolve("localhost", 80, private=False)


def test_two_changed_files_may_swap_their_tools() -> None:
    shown = {"a": plugin_of("one"), "b": plugin_of("two")}
    wanted = {"a": plugin_of("two"), "b": plugin_of("one")}
    assert resolve_clashes(shown, wanted) == (wanted, {})


def test_a_newcomer_does_not_take_a_name_from_a_file_that_changes() -> None:
    shown = {"z": plugin_of("one")}
    wanted = {"a": plugin_of("one"), "z": plugin_of("one", "two")}
    now, clashes = resolve_clashes(shown, wanted)
    assert now == {"z": wanted["z"]}
    assert clashes == {"a": "There are tools of these names already: one (of z)."}


def test_a_file_that_clashes_goes_on_as_it_was() -> None:
    shown = {"a": plugin_of("one"), "b": plugin_of("two")}
    wanted = {"a": plugin_of("one", "two"), "b": shown["b"]}
    now, clashes = resolve_clashes(shown, wanted)
    assert now == shown
    assert set(clashes) == {"a"}


@given(st.lists(st.binary(max_size=50)), st.integers(1, 40))
def test_both_ends_of_an_output_are_kept_and_no_more(pieces: list[bytes], room: int) -> None:
    ends, whole = HeadAndTail(room), b"".join(pieces)
    for piece in pieces:
        ends.add(piece)
    assert ends.text.startswith(whole[:room].decode("utf-8", "replace")[: room // 4])
    if len(whole) <= 2 * room:
        assert ends.text == whole.decode("utf-8", "replace")
    else:
        assert f"{len(whole) - 2 * room:,} bytes left out" in ends.text


def test_a_plugin_sees_settings_but_no_secret_and_changes_none(tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path, model_api_key=SecretStr("sk-1"), model="m")
    view = SettingsView(settings)
    assert view.model == "m"
    assert "sk-1" not in repr(view._values)
    for name in ("model_api_key", "redis_url", "telegram_token", "no_such"):
        with pytest.raises(AttributeError, match="secret"):
            getattr(view, name)
    with pytest.raises(AttributeError, match="reads settings only"):
        view.model = "other"


def test_a_file_for_the_chat_has_a_name_of_its_own_and_stays_in_its_folder(tmp_path: Path) -> None:
    services = services_of(Settings(data_folder=tmp_path))
    first, second = services.artifact("../../page.png"), services.artifact("page.png")
    assert first != second
    assert first.parent == second.parent == artifacts_of(Settings().owner, tmp_path)
    assert first.parent.parent == tmp_path / "artifacts"
    assert first.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("owner", ["../ana", "ana\ud800", "a" * 500])
def test_a_file_for_the_chat_is_its_owners_and_goes_with_all_of_theirs(tmp_path: Path, owner: str) -> None:
    services = services_of(Settings(data_folder=tmp_path))
    theirs, others = services.artifact("a.png", owner=owner), services.artifact("b.png", owner="bob")
    theirs.write_text("theirs")
    others.write_text("others")
    assert theirs.parent.parent == tmp_path / "artifacts"
    for _ in range(2):
        erase_artifacts(owner, tmp_path)
    assert not theirs.parent.exists()
    assert others.exists()


def test_files_for_the_chat_are_removed_after_a_day_whosever_they_are(tmp_path: Path) -> None:
    services, now = services_of(Settings(data_folder=tmp_path)), time.time()
    old, new = services.artifact("old.png", owner="ana"), services.artifact("new.png", owner="bob")
    of_before = tmp_path / "artifacts" / "page.png"
    for path, age in ((old, 86_500), (of_before, 86_500), (new, 86_300)):
        path.write_text("a picture")
        os.utime(path, (now - age, now - age))
    remove_old(tmp_path, now)
    assert [path.exists() for path in (old, of_before, new)] == [False, False, True]
    remove_old(tmp_path / "missing", now)


async def test_old_files_are_looked_for_again_and_again(tmp_path: Path) -> None:
    old = services_of(Settings(data_folder=tmp_path)).artifact("old.png")
    upkeep = ArtifactUpkeep(tmp_path, every=0.02)
    for _ in range(2):
        upkeep.begin()
        for _ in range(2):
            old.write_text("a picture")
            os.utime(old, (0, 0))
            await until(lambda: not old.exists())
        upkeep.end()
