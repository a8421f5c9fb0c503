"""Running work that may crash, hang or be attacked in a process of its own.

The child gets a function's name, a request, the bytes of a source and a scratch folder; it gives back events
and a result. It has no credentials, opens no network connection and is told no address: its parent moves
the bytes.
"""

from gopfarm.child.limits import Limits
from gopfarm.child.parent import (
    AbandonedError,
    Child,
    ChildDiedError,
    ChildEvent,
    ChildLimitError,
    run_in_child,
)
from gopfarm.child.protocol import Connection
from gopfarm.child.ready import get_ready, prepare, sandbox_layers

__all__ = [
    "AbandonedError",
    "Child",
    "ChildDiedError",
    "ChildEvent",
    "ChildLimitError",
    "Connection",
    "Limits",
    "get_ready",
    "prepare",
    "run_in_child",
    "sandbox_layers",
]
