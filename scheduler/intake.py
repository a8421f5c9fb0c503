"""Submissions: from a message to a remembered job, exactly once for each idempotency key."""

from __future__ import annotations

import re
import uuid

from gopfarm.errors import SpecError
from gopfarm.profile import Profile
from gopfarm.settings import Settings
from gopfarm.spec import JobSpec
from ladder import load_profile

#: Namespace of job ids that are made from idempotency keys (RFC 9562, version 5).
_NAMESPACE = uuid.UUID("6f0a1f6e-3c0f-5a35-9d0e-6a1f2b7d4c11")

#: Ids of jobs, as a pattern: they are safe in Redis keys, in "job task" pairs, and in addresses.
JOB_ID = "[A-Za-z0-9_-]{1,64}"

_HTTPS_PORT = 443


def job_id_for(spec: JobSpec, message_id: str) -> str:
    """Return the id of a submission: its message's, or one that depends only on tenant and key.

    Whoever submits can work it out, and needs no answer to follow the job.
    """
    if spec.idempotency_key is None:
        return safe_id(message_id)
    return str(uuid.uuid5(_NAMESPACE, f"{spec.tenant}\n{spec.idempotency_key}"))


def safe_id(message_id: str) -> str:
    """Return a message's id if it can name a job (dramatiq's UUIDs can), else one made from it."""
    return message_id if re.fullmatch(JOB_ID, message_id) else str(uuid.uuid5(_NAMESPACE, message_id))


def resolve_profile(spec: JobSpec, settings: Settings) -> Profile:
    """Return the profile that a spec names or contains.

    Raises:
        SpecError: There is none of that name.
    """
    if isinstance(spec.profile, Profile):
        return spec.profile
    return load_profile(spec.profile, settings.profiles_dir)


def check_webhook(spec: JobSpec, settings: Settings) -> None:
    """Refuse webhooks to hosts that the operator has not allowed.

    Raises:
        SpecError: The address is not https://, or its host (with its port, unless that is 443) is not
            allowed.
    """
    if spec.webhook is None:
        return
    # The parser of the library that will send it: two parsers could disagree about which host is meant.
    from urllib3.exceptions import LocationParseError
    from urllib3.util import parse_url

    try:
        url = parse_url(spec.webhook)
    except LocationParseError:
        raise SpecError("webhook: is not an address that can be understood") from None
    if url.scheme != "https" or not url.host or url.auth is not None:
        raise SpecError("webhook: must be an https:// address without user and password")
    host = url.host if url.port in (None, _HTTPS_PORT) else f"{url.host}:{url.port}"
    if host not in {allowed.lower() for allowed in settings.webhook_hosts}:
        raise SpecError(
            f"webhook: host {host} is not allowed; the farm's operator can add it to GOPFARM_WEBHOOK_HOSTS"
        )
