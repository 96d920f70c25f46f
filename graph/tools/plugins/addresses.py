"""Which addresses of the internet may be connected to, so that a page cannot reach what is not public."""

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from memory.errors import GoatError

Address = IPv4Address | IPv6Address

_NOT_PUBLIC_4 = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]
_PUBLIC_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = [IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "3fff::/20")]
_NAT64 = IPv6Network("64:ff9b::/96")


class AddressRefused(GoatError):
    """A URL or the address of its host may not be connected to."""


def is_public(address: Address) -> bool:
    """Say whether an address is one of the open internet; one that carries another is as that one is."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    carried = address.ipv4_mapped or address.sixtofour
    if address in _NAT64:
        carried = IPv4Address(int(address) & 0xFFFFFFFF)
    if carried is not None:
        return is_public(carried)
    return address in _PUBLIC_6 and not any(address in network for network in _NOT_PUBLIC_6)


def checked(host: str, found: Iterable[str]) -> list[str]:
    """Return the addresses of a host, all of which are public.

    Raises:
        AddressRefused: one is not; a host of mixed addresses is up to no good.
    """
    addresses = list(dict.fromkeys(found))
    for address in addresses:
        if "%" in address or not is_public(ip_address(address)):
            raise AddressRefused(
                f"{host[:200]} is not on the public internet. If that is meant, set GOAT_FETCH_PRIVATE=true."
            )
    return addresses


async def resolve(host: str, port: int, *, private: bool) -> list[str]:
    """Return the addresses of a host that may be connected to.

    Raises:
        AddressRefused: it has none, or one that is not public, unless `private` ones are allowed.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no name of a host"
        raise AddressRefused(f"{host[:200]} cannot be found: {reason}.") from None
    addresses = [str(address[0]) for *_, address in found]
    return addresses if private else checked(host, addresses)
