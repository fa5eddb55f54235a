"""Where webhooks may be sent: the form of the URL, and only to public addresses."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

LONGEST_ADDRESS = 2000

# IANA's special-purpose registries (RFC 6890 and what followed), multicast, and one public address at which a
# cloud answers its machines. Of IPv6 only global unicast is the world's, and in it these are not.
_OWN_4 = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT, and the metadata of one cloud
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's
        "169.254.0.0/16",  # link-local, and the metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
)
_WORLD_6 = ip_network("2000::/3")
_OWN_6 = tuple(
    ip_network(network)
    for network in (
        "2001::/23",  # protocols, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4: has an IPv4 address in it
        "3fff::/20",
    )
)
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: the IPv4 address behind it is what is reached
_LOOPBACK = "localhost"
# Of a name as the network has it (RFC 1123; some have _): what is written otherwise is to somebody another.
_LABEL = re.compile("[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_LONGEST_NAME = 253
_LOWEST_OPEN_PORT = 1024
_HTTPS = 443


class Forbidden(Exception):  # noqa: N818 - reads as what happened
    """Webhooks may not be sent there; says why."""


def check_address(address: str, *, local: bool) -> SplitResult:
    """The parts of a URL that webhooks may be sent to, judged by its text; raises Forbidden.

    `local` lets in http to this machine itself, and no other: for development on one machine.
    """
    if len(address) > LONGEST_ADDRESS:
        raise Forbidden(f"has more than {LONGEST_ADDRESS} characters")
    if not address.isascii() or not address.isprintable() or any(sign in address for sign in ' \\"<>^`{|}'):
        raise Forbidden("has a character not allowed in URLs; use the ASCII form of names and paths")
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise Forbidden(f"is not a valid URL: {error}") from error
    if parts.username is not None or parts.password is not None:
        raise Forbidden("must not contain a user or password; webhooks are signed instead")
    if parts.fragment or not parts.hostname:
        raise Forbidden("should have a host and no fragment (#)")
    if "[" in parts.netloc and ":" not in parts.hostname:
        raise Forbidden("has something in brackets that is not an IPv6 address")
    at_home = local and _is_home(parts.hostname)
    if parts.scheme != "https" and not (at_home and parts.scheme == "http"):
        raise Forbidden("should begin with https://")
    if port is not None and port != _HTTPS and port < _LOWEST_OPEN_PORT:
        raise Forbidden(f"has port {port}; only 443 and {_LOWEST_OPEN_PORT} or higher are allowed")
    if not at_home:
        _check_host(parts.hostname)
    return parts


def _is_home(host: str) -> bool:
    try:
        return host == _LOOPBACK or ip_address(host).is_loopback
    except ValueError:
        return False


def _check_host(host: str) -> None:
    last = host.rstrip(".").rpartition(".")[2]
    try:
        number = ip_address(host)
    except ValueError:
        # Resolvers read numbers in many ways: 2130706433, 0x7f.1 and 0177.0.0.1 are all this machine.
        if last[:1].isdigit() or ":" in host:
            raise Forbidden("has a number as its host that is not a normal IP address") from None
        name = host.removesuffix(".")
        if last == _LOOPBACK or "." not in name:
            raise Forbidden("has a host of the local network") from None
        if len(name) > _LONGEST_NAME or not all(map(_LABEL.fullmatch, name.split("."))):
            raise Forbidden("has an invalid host name") from None
        return
    if not is_worlds(number):
        raise Forbidden(f"has the host {host}, which is not a public address")


def check_resolved(answers: list[str], *, local: bool) -> list[str]:
    """The addresses a host name resolves to, if all are allowed; raises Forbidden.

    All count: a name that leads to us and to the world alike is somebody's try.
    """
    if not answers:
        raise Forbidden("its host has no address")
    for answer in answers:
        number = ip_address(answer)  # with a zone behind it, as in fe80::1%eth0, it is of one link
        if not (is_worlds(number) or (local and number.is_loopback)):
            raise Forbidden("its host resolves to an address that is not public")
    return answers


def is_worlds(number: IPv4Address | IPv6Address) -> bool:
    """Whether an IP address is public."""
    if isinstance(number, IPv4Address):
        return not any(number in network for network in _OWN_4)
    if number in _NAT64:
        return is_worlds(IPv4Address(int(number) & 0xFFFFFFFF))
    return number.scope_id is None and number in _WORLD_6 and not any(number in own for own in _OWN_6)
