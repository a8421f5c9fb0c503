from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.addresses import RefusedError, Target, checked_addresses, refusal, resolve, target_of
from tests.scheduler.receiver import NAME, Names

PUBLIC = ["93.184.215.14", "8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:82a::200e"]

#: Inner addresses, which the setting opens.
INNER = [
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "10.0.0.1",
    "172.16.5.4",
    "192.168.1.1",
    "100.64.0.1",
    "fd12:3456::1",
]

#: Nothing that receives webhooks is here, whatever the setting says.
NEVER = [
    "0.0.0.0",
    "::",
    "169.254.169.254",
    "fe80::1",
    "fe80::1%lo",
    "fd00:ec2::254",
    "100.100.100.200",
    "224.0.0.1",
    "239.255.255.250",
    "ff02::1",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.0.8",
    "192.88.99.1",
    "fec0::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "::7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001:0:7f00:1::1",
    "100::1",
    "localhost",
    "",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_connected_to(address: str) -> None:
    assert refusal(address, private_allowed=False) is None


@pytest.mark.parametrize("address", [*INNER, *NEVER])
def test_no_inner_address_may_be_connected_to(address: str) -> None:
    assert refusal(address, private_allowed=False)


@pytest.mark.parametrize("address", INNER)
def test_the_operator_can_open_inner_addresses(address: str) -> None:
    assert refusal(address, private_allowed=True) is None


@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_cannot_be_opened(address: str) -> None:
    assert refusal(address, private_allowed=True)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_an_ipv6_one_is_never_connected_to(inner: ipaddress.IPv4Address) -> None:
    number = int(inner)
    for wrapped in (
        ipaddress.IPv6Address((0xFFFF << 32) | number),
        ipaddress.IPv6Address((0x64FF9B << 96) | number),
        ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1),
    ):
        assert refusal(str(wrapped), private_allowed=False)


def test_one_inner_address_among_others_spoils_the_name() -> None:
    names = Names({NAME: [["93.184.215.14", "10.0.0.7"]]})
    with pytest.raises(RefusedError, match=r"hooks.example.com is at a private or shared address"):
        checked_addresses(Target(NAME, 443, "/"), False, names)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "017700000001", "localhost", "::1"]
)
def test_other_spellings_of_loopback_are_seen_through(host: str) -> None:
    try:
        resolve(host, 443)
    except OSError:
        pytest.skip("this system does not read it as an address")
    with pytest.raises(RefusedError, match="loopback"):
        checked_addresses(Target(host, 443, "/"), private_allowed=False)


def test_a_name_that_does_not_resolve_may_do_so_later() -> None:
    with pytest.raises(socket.gaierror):
        checked_addresses(Target("nothing.invalid", 443, "/"), private_allowed=False)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://hooks.example.com", Target(NAME, 443, "/")),
        ("https://hooks.example.com:8443/a?b=c#d", Target(NAME, 8443, "/a?b=c")),
        ("https://HOOKS.example.com/a b", Target(NAME, 443, "/a%20b")),
        ("https://[2606:4700::1]/x", Target("2606:4700::1", 443, "/x")),
    ],
)
def test_an_address_is_read_as_the_one_that_was_allowed(url: str, target: Target) -> None:
    assert target_of(url) == target


@pytest.mark.parametrize("url", ["http://a.example/", "https://u:p@a.example/", "https://", "ftp://a", ""])
def test_anything_but_https_without_a_user_is_refused(url: str) -> None:
    with pytest.raises(RefusedError):
        target_of(url)
