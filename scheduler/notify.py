"""Webhooks: one signed POST when a job ends."""

from __future__ import annotations

import hashlib
import hmac
import json
import time

from gopfarm.store import JobView

#: Seconds to wait for the receiver.
_TIMEOUT_SECONDS = 10.0


class NotDeliveredError(Exception):
    """The receiver did not answer with a 2xx status; the message is sent again later."""


def payload(view: JobView) -> bytes:
    """Return the body of a webhook: the event's name and the job as ``gopfarm status --json`` shows it."""
    return json.dumps({"event": f"job.{view.state}", "job": view.model_dump(mode="json")}).encode()


def sign(body: bytes, secret: str, now: int) -> str:
    """Return ``t=<seconds>,v1=<hex>``: HMAC-SHA256 (RFC 2104) over the time, a dot and the body."""
    digest = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={now},v1={digest}"


def post(url: str, body: bytes, secret: str | None) -> None:
    """Send a webhook. Redirects are not followed: they could lead to a host that is not allowed.

    Raises:
        NotDeliveredError: The receiver could not be reached or refused it.
    """
    import urllib3

    headers = {"Content-Type": "application/json", "User-Agent": "gopfarm"}
    if secret:
        headers["Gopfarm-Signature"] = sign(body, secret, int(time.time()))
    try:
        with urllib3.PoolManager(retries=False, timeout=_TIMEOUT_SECONDS) as pool:
            answer = pool.request("POST", url, body=body, headers=headers, redirect=False)
    except urllib3.exceptions.HTTPError as error:
        raise NotDeliveredError(type(error).__name__) from None
    if not 200 <= answer.status < 300:
        raise NotDeliveredError(f"the receiver answered {answer.status}")
