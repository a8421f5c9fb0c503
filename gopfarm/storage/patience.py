"""How long passing faults of storage are borne: the same request again, after growing pauses."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from gopfarm.backoff import pauses
from gopfarm.child.parent import AbandonedError
from gopfarm.errors import ServiceError
from gopfarm.log import get_logger

log = get_logger(__name__)

_Answer = TypeVar("_Answer")

#: Longest pause before the second attempt, in seconds, and before any (see ``gopfarm.backoff``).
FIRST_PAUSE_SECONDS = 0.5
MOST_PAUSE_SECONDS = 15.0

#: Seconds between looks at whether the waiting is still worth it.
_TICK_SECONDS = 0.1


class SetupError(ServiceError):
    """A service that cannot be used as it is set up, for want of credentials or trust: waiting is in vain."""


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Patience:
    """What somebody who uses storage is willing to bear.

    Args:
        seconds: How long one request may go on failing, counted from when its first attempt began.
        stopped: Tells, when asked several times a second, whether nobody wants the answer any more. It is
            asked from whatever thread makes the request.
    """

    seconds: float
    stopped: Callable[[], bool] = _never

    def insist(self, request: Callable[[], _Answer]) -> _Answer:
        """Make a request, and again while it fails in passing.

        ``ServiceError`` is a passing fault, unless it is a ``SetupError``; whatever else the request raises
        goes to the caller at once. Several threads may insist at a time, each with its own clock.

        Raises:
            ServiceError: The last attempt's, when the patience is used up.
            AbandonedError: Nobody wants the answer any more.
        """
        began = 0.0
        for attempt, pause in enumerate(pauses(FIRST_PAUSE_SECONDS, MOST_PAUSE_SECONDS)):
            started = time.monotonic()
            try:
                answer = request()
            except SetupError:
                raise
            except ServiceError as error:
                began = began or started
                left = began + self.seconds - time.monotonic()
                if left <= 0:
                    raise self._in_vain(error, attempt) from None
                if not attempt:
                    log.warning("storage fails, to be tried again", reason=str(error))
                self._pause(min(left, pause))
            else:
                if attempt:
                    log.info("storage answers again", after_seconds=round(time.monotonic() - began, 1))
                return answer
        raise AssertionError("unreachable")

    def _in_vain(self, error: ServiceError, attempt: int) -> ServiceError:
        return ServiceError(f"{error}, tried for {self.seconds:.0f} s") if attempt else error

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.stopped():
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, _TICK_SECONDS))
        raise AbandonedError


#: For whoever waits at a terminal, or can come back later.
BRIEF = Patience(3.0)
