"""The process that serves the HTTP API: where it listens, and how it ends."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from api.auth import is_loopback
from api.hub import Hub
from gopfarm.errors import SpecError
from gopfarm.settings import Settings

#: Seconds that requests in hand may still take once the process is told to stop; streams end at once.
GRACE_SECONDS = 10

#: Idle connections are kept longer than load balancers keep theirs (60 s): it is they who should close.
_KEEP_ALIVE_SECONDS = 75

#: Connections that may wait to be accepted.
_BACKLOG = 2048


def check_host(host: str, settings: Settings) -> None:
    """Refuse to be reachable from elsewhere as long as no token is needed.

    Raises:
        SpecError: There are no tokens, and the host is not a loopback address.
    """
    if not settings.api_tokens and not is_loopback(host):
        raise SpecError(
            f"without tokens the API listens on loopback addresses only, not on {host}: make a token with "
            "`gopfarm token NAME` and put it into GOPFARM_API_TOKENS"
        )


def listen(host: str, port: int) -> socket.socket:
    """Listen on a TCP port; 0 takes a free one.

    ``::`` stands for all addresses of both families, on a machine without IPv6 for those of IPv4.

    Raises:
        SpecError: The address cannot be listened on; the message says why.
    """
    everywhere = host == "::"
    both = everywhere and socket.has_dualstack_ipv6()
    if everywhere and not both:
        host = "0.0.0.0"  # noqa: S104 - as was asked for
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG, dualstack_ipv6=both)
    except (OSError, UnicodeError) as error:
        number = error.errno if isinstance(error, OSError) and error.errno else None
        reason = os.strerror(number) if number and number > 0 else str(error)
        raise SpecError(f"cannot listen on {host}:{port}: {reason}; choose another host or port") from None


class ApiServer(uvicorn.Server):
    """Serves an application on a socket until ``handle_exit`` is called, say by a signal."""

    def __init__(self, app: FastAPI, listener: socket.socket) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,  # logs are set up by then
                access_log=False,  # we have our own
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self._app = app
        self._listener = listener

    def serve_forever(self) -> None:
        """Serve until told to stop."""
        self.run(sockets=[self._listener])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, which would go on for ever, then wait for other requests in hand."""
        hub: Hub = self._app.state.hub
        hub.stop()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the command: uvicorn would end the process by them, which looks like a crash."""
        yield
