"""Every request that boto3 sends to S3, its own further attempts included, counted for the metrics."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gopfarm.storage.counts import count_answer, fault_of_status

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

STORE = "s3"

#: What the farm calls the operations that it uses.
_OPERATIONS = {
    "GetObject": "get",
    "PutObject": "put",
    "ListObjectsV2": "list",
    "DeleteObjects": "delete",
    "CreateMultipartUpload": "check",
    "AbortMultipartUpload": "check",
}

#: Where the time at which a request began is kept, in what boto3 carries from one event to the next.
_BEGAN = "gopfarm_began"

_THROTTLED = frozenset({"BandwidthLimitExceeded", "RequestLimitExceeded", "SlowDown", "Throttling"})


def watch(client: S3Client, credential_codes: frozenset[str]) -> None:
    """Count the requests of a client from now on.

    Args:
        client: The client.
        credential_codes: The codes by which S3 does not accept credentials.
    """

    def begun(request: Any, **_: Any) -> None:
        request.context[_BEGAN] = time.perf_counter()

    def ended(
        event_name: str,
        context: dict[str, Any],
        response_dict: Mapping[str, Any] | None,
        parsed_response: Mapping[str, Any] | None,
        exception: Exception | None,
        **_: Any,
    ) -> None:
        now = time.perf_counter()
        operation = _OPERATIONS.get(event_name.rpartition(".")[2], "other")
        if exception is not None:
            fault: str | None = _fault_of_exception(exception)
        else:
            code = str((parsed_response or {}).get("Error", {}).get("Code", ""))
            fault = _fault_of_answer((response_dict or {}).get("status_code", 0), code, credential_codes)
        count_answer(STORE, operation, now - context.pop(_BEGAN, now), fault)

    client.meta.events.register("request-created.s3", begun)
    client.meta.events.register("response-received.s3", ended)


def _fault_of_answer(status: int, code: str, credential_codes: frozenset[str]) -> str | None:
    if code in credential_codes:
        return "credentials"
    if code in _THROTTLED:
        return "throttled"
    return "missing" if code == "NoSuchBucket" else fault_of_status(status)


def _fault_of_exception(error: Exception) -> str:
    from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

    return "timeout" if isinstance(error, (ConnectTimeoutError, ReadTimeoutError)) else "unreachable"
