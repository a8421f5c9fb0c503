"""What a webhook says, and how a receiver can tell that it is genuine."""

from __future__ import annotations

import hashlib
import hmac
import json

from gopfarm.store import JobView
from gopfarm.store.deliveries import Delivery


def payload(delivery: Delivery, job: JobView) -> bytes:
    """Return the body: what happened, and the job as ``gopfarm status --json`` showed it then."""
    document = {
        "id": delivery.id,
        "event": delivery.event,
        "time": delivery.time,
        "progress": delivery.progress,
        "job": delivery.view_of(job).model_dump(mode="json"),
    }
    return json.dumps(document).encode()


def headers(delivery: Delivery, body: bytes, secret: str | None, now: int) -> dict[str, str]:
    """Return the headers of a try; without a secret it carries no signature."""
    named = {
        "Content-Type": "application/json",
        "User-Agent": "gopfarm",
        "Gopfarm-Event": delivery.event,
        "Gopfarm-Delivery": delivery.id,
    }
    if secret and secret.split():
        named["Gopfarm-Signature"] = sign(body, secret, now)
    return named


def sign(body: bytes, secret: str, now: int) -> str:
    """Return ``t=<seconds>,v1=<hex>``: HMAC-SHA256 (RFC 2104) over the time, a dot and the body.

    ``secret`` may hold several, with spaces between: there is one ``v1=`` for each, so that receivers can
    change theirs at any time while both are in use.
    """
    signed = f"{now}.".encode() + body
    digests = [hmac.new(key.encode(), signed, hashlib.sha256).hexdigest() for key in secret.split()]
    return ",".join([f"t={now}", *(f"v1={digest}" for digest in digests)])
