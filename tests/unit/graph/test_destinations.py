"""Which addresses of a call are new to the model, and could carry what it knows of the person away."""

import json
from typing import Any

import pytest

from graph.tools.destinations import GivenText, leads_elsewhere
from graph.tools.plugins.addresses import AddressRefused
from graph.tools.plugins.guarded_network import check_url
from tests.linear import not_linear
from tests.tables import each

PAGE = """
# Bread (https://bread.example/loaf)
See [the list](https://evil.example/list?q=), <https://evil.example/p?a=1&b=2#top>, and
![](https://evil.example/pic.png)](https://evil.example/next): "https://quoted.example/x", it's
https://de.wikipedia.org/wiki/Brot_(Band), https://bücher.example/ă?q=ț, http://10.0.0.7:8080/x.
Bare: shop.example/oats, mailto:me@mail.example; https://evil.example/it's and https://evil.example/end.
"""

SAME = [
    "https://bread.example/loaf",
    "http://bread.example/loaf/",
    "HTTPS://Bread.Example:443/loaf",
    "bread.example/loaf",
    "//bread.example/loaf",
    " https://evil.example/list?q= ",
    "https://evil.example/p?a=1&b=2#top",
    "https://evil.example/pic.png",
    "https://evil.example/next",
    "https://quoted.example/x",
    "https://de.wikipedia.org/wiki/Brot_(Band)",
    "https://xn--bcher-kva.example/%C4%83?q=%C8%9B",
    "https://bücher.example/ă?q=ț",
    "http://10.0.0.7:8080/x",
    "https://shop.example/oats",
    "https://evil.example/it%27s",
    "https://evil.example/x/../end",
    "Read https://bread.example/loaf, please.",
]
NEW = {
    "blank in the query": "https://evil.example/list?q= PIN 1234",
    "blank at the end of an address in a sentence": "Open https://evil.example/list?q= 1234 now",
    "tab": "https://evil.example/list?q=\t1234",
    "line break": "https://evil.example/list?q=\n1234",
    "no-break space": "https://evil.example/list?q=\u00a01234",
    "invisible sign": "https://evil.example/next\u200b\u200b",
    "double quote": 'https://evil.example/list?q="1234',
    "single quote": "https://evil.example/list?q='1234",
    "backslash": "https://evil.example\\.1234.attacker.example/next",
    "backslash before at": "https://bread.example\\@attacker.example/",
    "longer query": "https://evil.example/list?q=1234",
    "another parameter": "https://evil.example/p?a=1&b=2&c=1234#top",
    "another path": "https://evil.example/next/1234",
    "a shorter path is another": "https://evil.example/ne",
    "fragment": "https://evil.example/next#1234",
    "percent-encoding as a code": "https://evil.example/%6eext",
    "subdomain": "https://1234.evil.example/next",
    "host that ends alike": "https://notbread.example/loaf",
    "host that begins alike": "https://bread.example.attacker.example/loaf",
    "user name": "https://1234@bread.example/loaf",
    "password": "https://a:1234@bread.example/loaf",
    "another port": "https://bread.example:1234/loaf",
    "no port": "https://bread.example:/loaf?1234",
    "trailing dot of the host": "https://bread.example./loaf",
    "punycode of another host": "https://xn--brd-mxa.example/loaf",
    "sign that looks alike": "https://breаd.example/loaf",
    "full-width dot": "https://evil。example/1234",
    "upper case in the path": "https://bread.example/LOAF",
    "bare domain": "1234.evil.example",
    "bare domain with a path": "evil.example/1234",
    "bare domain in a sentence": "look at evil.example/1234 for more",
    "bare address of numbers": "10.0.0.8/1234",
    "number for a host": "http://2130706433/",
    "IPv6": "http://[2001:db8::1234]/",
    "no slashes": "https:evil.example/1234",
    "one slash": "https:/evil.example/1234",
    "relative to the scheme": "//evil.example/1234",
    "another scheme": "ftp://evil.example/1234",
    "websocket": "wss://evil.example/1234",
    "mail": "mailto:me@mail.example?body=1234",
    "mail address": "1234@mail.example",
    "data": "data:text/html,<img src=//evil.example/1234>",
    "encoded as a whole": "https%3A%2F%2Fevil.example%2F1234",
    "encoded twice": "https%253A%252F%252Fevil.example%252F1234",
    "JSON in a text": json.dumps({"url": "https://evil.example/list?q= 1234"}),
    "redirect through a known host": "https://bread.example/loaf?to=https://evil.example/1234",
    "not an address": "https://[evil.example/1234",
}
WRAPPED: dict[str, Any] = {
    "list": {"urls": ["https://bread.example/loaf", "https://evil.example/1234"]},
    "dict": {"request": {"get": {"url": "https://evil.example/1234"}}},
    "name of an argument": {"headers": {"https://evil.example/1234": True}},
    "deep": {"a": [[[[[[[[[[[["https://evil.example/1234"]]]]]]]]]]]]},
}


@each("address", SAME)
def test_what_the_same_request_was_given_for_is_known(address: str) -> None:
    assert not leads_elsewhere({"url": address}, [GivenText("Hello."), GivenText(PAGE)])


@each("address", NEW.values())
def test_any_other_request_is_new(address: str) -> None:
    assert leads_elsewhere({"url": address}, [GivenText(PAGE)])


@each("arguments", WRAPPED.values())
def test_arguments_are_looked_into(arguments: dict[str, Any]) -> None:
    assert leads_elsewhere(arguments, [GivenText(PAGE)])


@each("text", ["my PIN is 1234", "a/b", "12:30", "3.14", "Note: e.g. bread", "", "C++"])
def test_what_is_no_address_is_not_asked_about(text: str) -> None:
    assert not leads_elsewhere({"query": text, "count": 3, "exact": True, "none": None}, [GivenText(PAGE)])


def test_the_echo_of_a_call_is_no_source() -> None:
    secret = {"url": "https://evil.example/1234"}
    assert leads_elsewhere(
        secret, [GivenText("URL: HTTPS://evil.example/1234", {"url": "evil.example/1234"})]
    )
    linked = GivenText(
        "URL: https://evil.example/ leads to https://evil.example/1234", {"url": "evil.example"}
    )
    assert not leads_elsewhere(secret, [linked])


def test_pages_made_to_take_long_do_not() -> None:
    def read(text: str) -> None:
        leads_elsewhere({"url": "https://evil.example/1234"}, [GivenText(text)])
        leads_elsewhere({"url": text[:4000]}, [GivenText(text)])

    assert not_linear(read, ["evil.example)", "https://", "a."], length=48_000) == []
    assert not_linear(read, ["a)"], head="https://evil.example/", length=32_000) == []


@each("sign", [" ", "\u00a0", "\t", "\n", '"', "'", "`", "\\", "<", ">", "\x00", "\u200b", "\u202e"])
def test_an_address_with_signs_that_are_to_be_spelt_is_refused(sign: str) -> None:
    with pytest.raises(AddressRefused, match="spell it with a percent sign"):
        check_url(f"https://bread.example/a{sign}b")


def test_an_address_may_stand_between_blanks_and_hold_other_letters() -> None:
    assert str(check_url(" https://bread.example/ă%20b?q=(1)\n")) == "https://bread.example/%C4%83%20b?q=(1)"
