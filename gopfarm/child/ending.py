"""How a child has ended without a result: by its wait status, in words and as metrics call it."""

from __future__ import annotations

import os
import signal
from typing import Final

from gopfarm.child.limits import Limits

#: Taken for the wait status of a child whose fork server died: it was killed with it.
KILLED_TOO: Final = int(signal.SIGKILL)

#: Values of label ``how``, where a signal tells more than that the child crashed.
_WAYS: Final[dict[int, str]] = {signal.SIGKILL: "killed_memory", signal.SIGXCPU: "stalled"}


def way_of(status: int) -> str:
    """Return what metrics call such an end."""
    return _WAYS.get(-os.waitstatus_to_exitcode(status), "crashed")


def cause_of(status: int, limits: Limits) -> str:
    """Return what happened to a child with some limits, to be read behind its name."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"ended with code {code}"
    cause = f"was killed by {signal.Signals(-code).name}"
    if -code == signal.SIGXCPU:
        return f"{cause}: it used up its {limits.cpu_seconds} s of processor time"
    if -code == signal.SIGKILL:
        return f"{cause}, as the kernel does when memory runs out"
    return cause
