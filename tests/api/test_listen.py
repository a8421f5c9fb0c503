"""Where the API listens, and where it refuses to."""

from __future__ import annotations

import socket

import pytest

from api.server import check_host, listen
from gopfarm.errors import SpecError
from gopfarm.settings import Settings
from tests.farm.ports import has_ipv6

needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


def families(listener: socket.socket) -> set[str]:
    """Return the loopback addresses that a listener can be reached at."""
    found = set()
    for address in ("127.0.0.1", "::1"):
        try:
            socket.create_connection((address, listener.getsockname()[1]), timeout=5).close()
        except OSError:
            continue
        found.add(address)
    return found


@needs_ipv6
def test_all_addresses_are_those_of_both_families() -> None:
    with listen("::", 0) as listener:
        assert families(listener) == {"127.0.0.1", "::1"}


def test_all_addresses_are_those_of_ipv4_where_there_is_no_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.has_dualstack_ipv6", lambda: False)
    with listen("::", 0) as listener:
        assert listener.family == socket.AF_INET
        assert families(listener) == {"127.0.0.1"}


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=needs_ipv6)])
def test_one_address_is_no_other(host: str) -> None:
    with listen(host, 0) as listener:
        assert families(listener) == {host}


@pytest.mark.parametrize("host", ["::", "0.0.0.0"])
def test_all_addresses_want_tokens(host: str) -> None:
    with pytest.raises(SpecError, match="gopfarm token"):
        check_host(host, Settings(api_tokens={}))
    check_host("::1", Settings(api_tokens={}))
