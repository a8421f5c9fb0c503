"""One POST over TLS to an address that was chosen before, within a total deadline.

http.client does the talking. It follows no redirect, asks no proxy and resolves nothing, as it is given a
connection. What it lacks is a limit on the whole time, which a receiver that sends a byte a second calls for.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping, Sequence

from scheduler.addresses import Target

#: Seconds to wait for a connection to one address, and for everything together.
CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 10.0


class NotDeliveredError(Exception):
    """The receiver did not answer with a 2xx status; the message is sent again later.

    Args:
        reason: Why not.
        status: What it answered, if it did.
    """

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status

    @property
    def gone(self) -> bool:
        """Whether it wants no more of it."""
        return self.status == http.HTTPStatus.GONE


def post(
    target: Target,
    addresses: Sequence[str],
    body: bytes,
    headers: Mapping[str, str],
    context: ssl.SSLContext,
    total_seconds: float = TOTAL_SECONDS,
) -> int:
    """Send a body to the first of a target's addresses that answers. Of the answer only the head is read.

    Args:
        target: Whose certificate is asked for, and what the ``Host`` header says.
        addresses: Where to connect; nothing is resolved.
        body, headers: What to send.
        context: Says which certificates are trusted.
        total_seconds: Limit on connecting, sending and waiting together.

    Returns:
        The status of the answer, 2xx.

    Raises:
        NotDeliveredError: The receiver could not be reached or refused it. The reason says nothing secret.
    """
    deadline = time.monotonic() + total_seconds
    connection = http.client.HTTPSConnection(target.host, target.port, context=context)
    try:
        stream = _Timed(_connect(target, addresses, context, deadline), deadline)
        connection.sock = stream
        connection.request("POST", target.path, body=body, headers=dict(headers))
        status = connection.getresponse().status
    except TimeoutError:
        raise NotDeliveredError(f"no answer within {total_seconds:g} s") from None
    except ssl.SSLCertVerificationError as error:
        reason = f"the receiver's certificate is not trusted: {error.verify_message}"
        raise NotDeliveredError(reason) from None
    except ssl.SSLError as error:
        raise NotDeliveredError(f"TLS failed ({error.reason or type(error).__name__})") from None
    except ConnectionRefusedError:
        raise NotDeliveredError("the connection was refused") from None
    except (OSError, http.client.HTTPException) as error:
        raise NotDeliveredError(f"the connection broke ({type(error).__name__})") from None
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise NotDeliveredError(f"the receiver answered {status}", status)
    return int(status)


def _connect(
    target: Target, addresses: Sequence[str], context: ssl.SSLContext, deadline: float
) -> ssl.SSLSocket:
    """Connect to the first address that takes the connection, and check the certificate of the name."""
    fault: OSError = OSError("no address")
    for address in addresses:
        try:
            raw = socket.create_connection((address, target.port), min(CONNECT_SECONDS, _left(deadline)))
        except OSError as error:
            fault = error
            continue
        try:
            raw.settimeout(_left(deadline))
            return context.wrap_socket(raw, server_hostname=target.host)
        except BaseException:
            raw.close()
            raise
    raise fault


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Timed:
    """As much of a socket as http.client uses, on which nothing goes on beyond the deadline."""

    def __init__(self, stream: ssl.SSLSocket, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self._stream.settimeout(_left(self._deadline))
            rest = rest[self._stream.send(rest) :]

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._stream, self._deadline))

    def close(self) -> None:
        self._stream.close()


class _TimedReader(io.RawIOBase):
    def __init__(self, stream: ssl.SSLSocket, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        self._stream.settimeout(_left(self._deadline))
        return self._stream.recv_into(buffer)
