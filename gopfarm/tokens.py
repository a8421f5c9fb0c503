"""Bearer tokens of the HTTP API: only their SHA-256 is kept, with what each of them allows.

A token is 256 random bits, so a fast hash without salt is enough: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gopfarm.spec import Name

#: What a token may allow. ``jobs:write`` submits, cancels, retries and moves jobs; ``webhooks:write`` sends
#: webhooks again.
Scope = Literal["jobs:read", "jobs:write", "farm:read", "webhooks:write"]

SCOPES: tuple[Scope, ...] = get_args(Scope)

#: How every token begins, so that people and secret scanners know one when they see it.
_PREFIX = "gpf_"

_RANDOM_BYTES = 32


class ApiToken(BaseModel):
    """What a token allows; a setting of the operator."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: Annotated[str, StringConstraints(to_lower=True, pattern=r"^[0-9a-fA-F]{64}$")] = Field(
        repr=False, description="SHA-256 of the token, in hexadecimal."
    )
    scopes: frozenset[Scope] = Field(min_length=1, description="What it may do.")
    tenants: frozenset[Name] | None = Field(
        default=None, min_length=1, description="The tenants whose jobs it sees and makes; left out: all."
    )


def new_token() -> str:
    """Return a new token, fit for a header."""
    return _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def digest_of(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def find_token(token: str, known: Mapping[str, ApiToken]) -> str | None:
    """Return the name under which a token is known; None if it is not.

    How long it takes does not tell how much of a digest was right.
    """
    digest, found = digest_of(token), None
    for name, entry in known.items():
        if hmac.compare_digest(digest, entry.sha256):
            found = name
    return found
