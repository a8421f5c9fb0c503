"""Who calls, and what they may do: bearer tokens (RFC 6750) with scopes and tenants."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated

import structlog
from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from api.problems import Problem
from api.ratelimit import RateLimit
from gopfarm.settings import Settings
from gopfarm.tokens import SCOPES, Scope, find_token

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

#: A Host header (RFC 9110, section 7.2): a name or an address, IPv6 in brackets, and perhaps a port.
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{0,5})?", re.ASCII | re.IGNORECASE)

#: The scheme as OpenAPI names it. It refuses nothing by itself: we have our own words for that.
_bearer = HTTPBearer(
    scheme_name="token",
    bearerFormat="gpf_...",
    auto_error=False,
    description="A token made by `gopfarm token`. Its scopes say what it may do, its tenants whose jobs it "
    "sees. Without any token in the farm's settings the API listens on loopback only and asks for none.",
)


@dataclass(frozen=True)
class Caller:
    """Whoever sent a request. ``name`` is that of the token, None where none is needed."""

    name: str | None
    scopes: frozenset[Scope]
    tenants: frozenset[str] | None

    def sees(self, tenant: str | None) -> bool:
        """Tell whether a tenant's jobs exist for the caller."""
        return self.tenants is None or tenant in self.tenants


#: Without any token configured, whoever reaches the loopback address may do everything.
ANYBODY = Caller(None, frozenset(SCOPES), None)


def is_loopback(host: str) -> bool:
    """Tell whether a host (of an address to listen on, or of a Host header) is this very machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Gate:
    """Lets callers in by the tokens of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._tokens = settings.api_tokens
        self._limit = RateLimit(settings.api_rate)

    def admit(self, request: Request, credentials: HTTPAuthorizationCredentials | None) -> Caller:
        """Return who calls.

        Raises:
            Problem: The token is missing or not known, or it has made too many requests.
        """
        caller = self._known(credentials) if self._tokens else _from_this_machine(request)
        self._limit.check(caller.name or "")
        return caller

    def _known(self, credentials: HTTPAuthorizationCredentials | None) -> Caller:
        if credentials is None:
            raise Problem(
                "unauthorized",
                "send the header Authorization: Bearer TOKEN",
                headers={"WWW-Authenticate": "Bearer"},
            )
        name = find_token(credentials.credentials, self._tokens)
        if name is None:
            raise Problem(
                "unauthorized",
                "the token is not known",
                headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
            )
        entry = self._tokens[name]
        return Caller(name, entry.scopes, entry.tenants)


def _from_this_machine(request: Request) -> Caller:
    """Let in who needs no token, but no web page of another origin that a browser here has opened.

    Such a page can send simple requests here, and can have its own name point here (DNS rebinding).
    """
    # The header itself: where it names no host, the URL of the request has the address of the server instead.
    given = request.headers.get("Host", "")
    host = _HOST.fullmatch(given)
    if host is None or not is_loopback(host[1].lower()):
        raise Problem(
            "forbidden", "without tokens the API answers only to localhost; see `gopfarm token` for one"
        )
    origin = request.headers.get("Origin")
    if origin and request.method not in _SAFE_METHODS and origin.partition("://")[2] != given:
        raise Problem("forbidden", "without tokens the API answers to no other web pages than its own")
    return ANYBODY


async def _authenticate(
    request: Request,
    needed: SecurityScopes,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    gate: Gate = request.app.state.gate
    caller = gate.admit(request, credentials)
    request.state.caller = caller.name
    structlog.contextvars.bind_contextvars(caller=caller.name)
    missing = set(needed.scopes) - caller.scopes
    if missing:
        raise Problem(
            "forbidden",
            f"the token lacks the scope {' '.join(sorted(missing))}",
            headers={
                "WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{" ".join(needed.scopes)}"'
            },
        )
    return caller


#: A route's parameter of one of these types lets in only whom its scope allows, and gets the caller.
AnyCaller = Annotated[Caller, Security(_authenticate, scopes=[])]
JobsReader = Annotated[Caller, Security(_authenticate, scopes=["jobs:read"])]
JobsWriter = Annotated[Caller, Security(_authenticate, scopes=["jobs:write"])]
FarmReader = Annotated[Caller, Security(_authenticate, scopes=["farm:read"])]
WebhooksWriter = Annotated[Caller, Security(_authenticate, scopes=["webhooks:write"])]
