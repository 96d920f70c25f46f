"""What plugins rest on: addresses, names that clash, output that is cut, settings that are shown."""

from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from graph.settings import Settings
from graph.tools.plugins.addresses import AddressRefused, checked, is_public
from graph.tools.plugins.command import BothEnds
from graph.tools.plugins.services import SettingsView
from graph.tools.plugins.settling import settled
from graph.tools.plugins.shelf import SHIPPED
from tests.plugins import plugin_of, services_of


@pytest.mark.parametrize(
    "address",
    [
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


@pytest.mark.parametrize(
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


@pytest.mark.parametrize("found", [["8.8.8.8", "127.0.0.1"], ["fe80::1%eth0"], ["2606:4700::1%lo"]])
def test_one_address_that_is_not_public_spoils_the_host(found: list[str]) -> None:
    with pytest.raises(AddressRefused, match="not on the public internet"):
        checked("mixed.example", found)


def test_two_changed_files_may_swap_their_tools() -> None:
    shown = {"a": plugin_of("one"), "b": plugin_of("two")}
    wanted = {"a": plugin_of("two"), "b": plugin_of("one")}
    assert settled(shown, wanted) == (wanted, {})


def test_a_newcomer_does_not_take_a_name_from_a_file_that_changes() -> None:
    shown = {"z": plugin_of("one")}
    wanted = {"a": plugin_of("one"), "z": plugin_of("one", "two")}
    now, clashes = settled(shown, wanted)
    assert now == {"z": wanted["z"]}
    assert clashes == {"a": "There are tools of these names already: one (of z)."}


def test_a_file_that_clashes_goes_on_as_it_was() -> None:
    shown = {"a": plugin_of("one"), "b": plugin_of("two")}
    wanted = {"a": plugin_of("one", "two"), "b": shown["b"]}
    now, clashes = settled(shown, wanted)
    assert now == shown
    assert set(clashes) == {"a"}


@given(st.lists(st.binary(max_size=50)), st.integers(1, 40))
def test_both_ends_of_an_output_are_kept_and_no_more(pieces: list[bytes], room: int) -> None:
    ends, whole = BothEnds(room), b"".join(pieces)
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
    assert first.parent == second.parent == tmp_path / "artifacts"


def test_the_shipped_plugins_are_where_they_are_looked_for() -> None:
    assert len([path for path in SHIPPED.glob("*.py") if path.name != "__init__.py"]) == 5
