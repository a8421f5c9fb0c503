"""What this machine can do, asked in a child process: a broken driver costs the child, not the worker."""

from __future__ import annotations

import json
from pathlib import Path

from encoders.child import CAPABILITIES
from gopfarm.child.limits import Limits
from gopfarm.child.parent import ChildDiedError, run_in_child
from gopfarm.log import get_logger

log = get_logger(__name__)

#: What a machine can do whose trial failed: x264 is part of the encoding library itself.
_ALWAYS = ("libx264",)


def find_encoders() -> tuple[str, ...]:
    """Return the video encoders that really encode here."""
    with Path("/dev/null").open("rb") as nothing:
        try:
            return tuple(
                json.loads(run_in_child(CAPABILITIES, b"", nothing, 0, limits=Limits.of().with_gpu(True)))
            )
        except (ChildDiedError, TimeoutError) as error:
            log.warning("the trial of encoders failed, only libx264 is used", reason=str(error))
            return _ALWAYS
