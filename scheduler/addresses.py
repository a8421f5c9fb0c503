"""Where a webhook may be sent to: hosts that are allowed, at addresses that are not inner ones.

An allowed name may still lead inside: its owner can point it anywhere, and can change that between a check
and the connection (DNS rebinding). So the name is resolved once, every address is judged, and the connection
goes to one of these very addresses.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass

from gopfarm.errors import FarmError

#: Resolves a host and port to the text of its addresses; raises ``OSError``.
Resolver = Callable[[str, int], list[str]]

_HTTPS_PORT = 443

#: IPv6 addresses with an IPv4 address in them, which some gateway or system would unpack: what counts is then
#: out of sight. IPv4-mapped and -compatible (RFC 4291), NAT64 (RFC 6052, 8215), 6to4 (RFC 3056), Teredo
#: (RFC 4380).
_WRAPPED = tuple(
    ipaddress.IPv6Network(net)
    for net in ("::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
)

#: Where clouds tell a machine its credentials, besides link-local addresses.
_METADATA = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "168.63.129.16")))

#: Networks for special uses that Python does not tell from the public ones: protocol assignments (RFC 6890),
#: the relays of 6to4 (RFC 7526), site-local addresses (RFC 3879), documentation (RFC 9637), segment routing
#: (RFC 9602).
_SPECIAL = tuple(
    ipaddress.ip_network(net)
    for net in ("192.0.0.0/24", "192.88.99.0/24", "fec0::/10", "3fff::/20", "5f00::/16")
)


class RefusedError(FarmError):
    """The webhook must not be sent there. Trying again is pointless until the operator changes something."""


@dataclass(frozen=True)
class Target:
    """A receiver: its host without brackets, its port, and the path with its query."""

    host: str
    port: int
    path: str


def target_of(url: str) -> Target:
    """Read a webhook's address that ``scheduler.intake.check_webhook`` has allowed.

    Raises:
        RefusedError: It is none.
    """
    # The parser that judged it: two parsers could disagree about which host is meant.
    from urllib3.exceptions import LocationParseError
    from urllib3.util import parse_url

    try:
        parts = parse_url(url)
    except LocationParseError:
        raise RefusedError("the webhook's address cannot be understood") from None
    if parts.scheme != "https" or not parts.host or parts.auth is not None:
        raise RefusedError("the webhook's address is not https:// or carries a user or password")
    return Target(parts.host.strip("[]"), parts.port or _HTTPS_PORT, parts.request_uri)


def resolve(host: str, port: int) -> list[str]:
    """Ask the system for a host's addresses."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def checked_addresses(target: Target, private_allowed: bool, resolver: Resolver = resolve) -> list[str]:
    """Resolve a target's host, once, and return its addresses if all of them may be connected to.

    Raises:
        RefusedError: One of them may not.
        OSError: The name does not resolve.
    """
    addresses = resolver(target.host, target.port)
    for address in addresses:
        reason = refusal(address, private_allowed)
        if reason is not None:
            raise RefusedError(f"host {target.host} is at {reason}, where webhooks are not sent to")
    return addresses


def refusal(address: str, private_allowed: bool) -> str | None:
    """Say what kind of address it is if nothing may be sent to it; None if something may.

    Private and loopback addresses depend on the setting. Others never name a receiver of webhooks: at a
    link-local one, say, clouds hand out credentials.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "something that is not an address"
    if isinstance(ip, ipaddress.IPv6Address) and ip.is_loopback:
        return None if private_allowed else "a loopback address"
    if isinstance(ip, ipaddress.IPv6Address) and not ip.is_unspecified and any(ip in net for net in _WRAPPED):
        return "an IPv6 address that stands for an IPv4 one"
    for never, kind in (
        (ip.is_unspecified, "the unspecified address"),
        (ip.is_link_local, "a link-local address"),
        (ip.is_multicast, "a multicast address"),
        (ip in _METADATA, "a cloud's metadata address"),
        # Python counts 240.0.0.0/4 as reserved, and much of IPv6 that is in no use.
        (ip.is_reserved or any(ip in net for net in _SPECIAL), "a reserved address"),
    ):
        if never:
            return kind
    if ip.is_global or private_allowed:
        return None
    return "a loopback address" if ip.is_loopback else "a private or shared address"
