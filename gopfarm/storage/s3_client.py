"""The process's S3 client, and what S3's answers mean. boto3 is imported when the first S3 URL is used."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gopfarm.errors import FarmError, ServiceError
from gopfarm.redact import redact
from gopfarm.storage.patience import SetupError
from gopfarm.storage.s3_counts import watch
from gopfarm.storage.tls import is_untrusted

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_s3 import S3Client

#: Seconds to wait for a connection, and for the next bytes on it.
CONNECT_SECONDS = 5
READ_SECONDS = 30

#: Attempts of a request that fails in passing (throttling, 5xx, a broken connection) within boto3. They
#: bridge a hiccup; what lasts longer is for the farm's own patience, which can be interrupted.
ATTEMPTS = 3

#: Attempts while the endpoint cannot be connected to at all: with the wait between them, an unreachable
#: endpoint is reported within about 11 s.
CONNECT_ATTEMPTS = 2

#: Connections that the threads of a process may hold at once.
MAX_CONNECTIONS = 64

CREDENTIAL_CODES = frozenset(
    {
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
    }
)

#: Refusals that the next attempt may not meet: bytes that were damaged or lost on their way, two writers at
#: one key, and S3's words for "not so fast".
PASSING_CODES = frozenset(
    {
        "BadDigest",
        "BandwidthLimitExceeded",
        "ConditionalRequestConflict",
        "IncompleteBody",
        "InvalidDigest",
        "OperationAborted",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestTimeout",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "XAmzContentChecksumMismatch",
        "XAmzContentSHA256Mismatch",
    }
)
MISSING_CODES = frozenset({"NoSuchKey", "NoSuchVersion", "404", "NotFound"})

_REASONS = {
    "NoSuchBucket": "does not exist: there is no such bucket",
    "AccessDenied": "cannot be used: access denied",
    "AllAccessDisabled": "cannot be used: access denied",
    "403": "cannot be used: access denied",
    "PermanentRedirect": "cannot be used: the bucket is in another region (see AWS_DEFAULT_REGION)",
    "InvalidObjectState": "cannot be read: it is archived and must be restored first",
    **dict.fromkeys(MISSING_CODES, "does not exist"),
}

#: Longest text of somebody else that a message takes over, in characters.
_MOST_WORDS = 300

_lock = threading.Lock()
_client: tuple[int, S3Client] | None = None
_endpoint = "its endpoint"


def s3_client() -> S3Client:
    """Return the process's client, which threads may share.

    Credentials, region and endpoint come from boto3's own variables and files. Buckets are addressed in the
    path where a custom endpoint is set, since few of those have a name for every bucket.

    Raises:
        ServiceError: boto3 cannot use its configuration.
    """
    global _client, _endpoint
    with _lock:
        if _client is None or _client[0] != os.getpid():  # connections must not be shared with a fork
            _client = (os.getpid(), _new_client())
            _endpoint = _without_user(_client[1].meta.endpoint_url)
        return _client[1]


def forget_s3_client() -> None:
    """Drop the client, so that the next one reads boto3's variables again."""
    global _client
    with _lock:
        _client = None


@contextmanager
def s3_errors(url: str, unusable: type[FarmError]) -> Iterator[None]:
    """Turn boto3's errors about ``url`` into the farm's, without anything secret in their messages.

    Where S3 refuses the credentials, the client is dropped: the next one reads files and variables again, and
    may find new ones.

    Raises:
        unusable: S3 answered, and refused for a reason that lies in bucket, key or permissions.
        ServiceError: S3 does not answer, or does not accept the credentials.
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ClientError as error:
        refusal = _refused(error, url, unusable)
        if error_code(error) in CREDENTIAL_CODES:
            forget_s3_client()
        raise refusal from None  # not chained: the texts of boto3's errors hold addresses with their queries
    except (BotoCoreError, HTTPError) as error:
        raise _unanswered(error) from None
    except RecursionError:  # boto3 asks a redirecting server for the bucket's region, is redirected, asks ...
        raise unusable(f"{url} {_REASONS['PermanentRedirect']}") from None


def error_code(error: ClientError) -> str:
    """Return the code of S3's answer, such as ``NoSuchKey``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _new_client() -> S3Client:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=MAX_CONNECTIONS,
        user_agent_extra="gopfarm",
    )
    try:
        session = boto3.Session()
        client = session.client("s3", config=config)
        chosen = getattr(client.meta.config, "s3", None) or {}  # by the user, in boto3's configuration file
        if not _is_amazon(client.meta.endpoint_url) and "addressing_style" not in chosen:
            client = session.client("s3", config=config.merge(Config(s3={"addressing_style": "path"})))
    except (BotoCoreError, ValueError) as error:  # ValueError: an endpoint that is not a URL
        raise SetupError(f"S3 cannot be set up: {one_line(error)}") from None
    client.meta.events.register_first("needs-retry.s3", _stop_connecting)
    watch(client, CREDENTIAL_CODES)
    return client


def _stop_connecting(attempts: int, caught_exception: Exception | None, **_: Any) -> Any:
    """Answer botocore's question whether to try again: False ends the trying, None leaves it to botocore."""
    from botocore.exceptions import ConnectionError as NotConnectedError

    return False if attempts >= CONNECT_ATTEMPTS and isinstance(caught_exception, NotConnectedError) else None


def _is_amazon(endpoint: str) -> bool:
    return (urlsplit(endpoint).hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))


def _refused(error: ClientError, url: str, unusable: type[FarmError]) -> FarmError:
    code = error_code(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in CREDENTIAL_CODES:
        return ServiceError(f"S3 at {endpoint()} refused the credentials ({code})")
    if reason := _REASONS.get(code):
        return unusable(f"{url} {reason}")
    if status >= 500 or status == 429 or code in PASSING_CODES:
        return ServiceError(f"S3 at {endpoint()} keeps answering {status} {code}")
    words = one_line(error.response.get("Error", {}).get("Message", ""))
    return unusable(f"{url} cannot be used: S3 answered {status} {code}{words and f' ({words})'}")


def _unanswered(error: Exception) -> FarmError:
    from botocore.exceptions import (
        CredentialRetrievalError,
        NoCredentialsError,
        PartialCredentialsError,
    )

    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return SetupError(f"credentials for S3 at {endpoint()} are missing (see AWS_ACCESS_KEY_ID)")
    if isinstance(error, CredentialRetrievalError):
        return ServiceError(f"credentials for S3 at {endpoint()} cannot be fetched from where they are kept")
    if is_untrusted(error):
        return SetupError(f"S3 at {endpoint()} cannot be reached: its TLS certificate is not trusted")
    return ServiceError(f"S3 at {endpoint()} cannot be reached ({type(error).__name__})")


def endpoint() -> str:
    """Return the endpoint's address, without user and password, as the latest client knows it."""
    return _endpoint


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def one_line(text: object) -> str:
    """Return what S3 or boto3 says in one line of bounded length, without anything secret."""
    line = " ".join(redact(str(text)).split())
    return line if len(line) <= _MOST_WORDS else f"{line[:_MOST_WORDS]}..."
