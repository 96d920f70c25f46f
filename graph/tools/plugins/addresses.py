"""IP addresses that may be connected to: a page must not reach private networks."""

import asyncio
import socket
from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import psutil

from memory.errors import GoatError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NOT_PUBLIC_4 = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # the host of a virtual machine in Azure
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
    """Connecting to a URL or its host's address is not allowed."""


def is_public(address: Address) -> bool:
    """Return True for a public address; an address that embeds another one counts as that one."""
    meant = _meant(address)
    if isinstance(meant, IPv4Address):
        return not any(meant in network for network in _NOT_PUBLIC_4)
    return meant in _PUBLIC_6 and not any(meant in network for network in _NOT_PUBLIC_6)


def networks_of(interfaces: Iterable[tuple[str, str | None]]) -> list[Network]:
    """Return the networks of interfaces, given as address and mask, public ones included.

    Entries that are not IP addresses are left out. Without a mask, or with an all-zero one, the network is
    the address alone.
    """
    found = [_network(address.partition("%")[0], mask) for address, mask in interfaces]
    return [network for network in found if network is not None]


def own_networks() -> list[Network]:
    """Return the networks that this machine is in now."""
    interfaces = (one for interface in psutil.net_if_addrs().values() for one in interface)
    families = (socket.AF_INET, socket.AF_INET6)
    return networks_of((one.address, one.netmask) for one in interfaces if one.family in families)


def check_addresses(host: str, found: Iterable[str], own: Collection[Network] = ()) -> list[str]:
    """Return a host's addresses if all are public and outside the machine's own networks.

    Raises:
        AddressRefused: one is not; a host that mixes public and private addresses is suspicious.
    """
    addresses = list(dict.fromkeys(found))
    for address in addresses:
        if "%" in address or not is_public(ip_address(address)) or _is_in(ip_address(address), own):
            raise AddressRefused(
                f"{host[:200]} is not on the public internet. To allow it, set GOAT_FETCH_PRIVATE=true."
            )
    return addresses


async def resolve(host: str, port: int, *, private: bool) -> list[str]:
    """Resolve a host to addresses that may be connected to.

    Raises:
        AddressRefused: it has no address or, unless `private`, one that is not public.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no name of a host"
        raise AddressRefused(f"{host[:200]} cannot be found: {reason}.") from None
    addresses = [str(address[0]) for *_, address in found]
    return addresses if private else check_addresses(host, addresses, own_networks())


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(one in network for one in (address, _meant(address)) for network in networks)


def _meant(address: Address) -> Address:
    """Return the IPv4 address embedded in an IPv6 one, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _network(address: str, mask: str | None) -> Network | None:
    try:
        own = ip_address(address)
        bits = int(ip_address(mask.partition("%")[0])).bit_count() if mask else 0
    except ValueError:
        return None
    return ip_network((own, bits or own.max_prefixlen), strict=False)
