"""Writing into the scratch folder, whose disk may be full or broken."""

from __future__ import annotations

import errno
from pathlib import Path

from gopfarm.errors import EncodeError, FarmError, ScratchError

#: What a disk says that is full, used up by its user, broken, or was made read-only since it is broken. On
#: another machine the same task would go well.
_DISK_FAULTS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ESTALE})


def make_scratch(folder: Path) -> None:
    """Make a folder in the scratch folder, unless it is there.

    Raises:
        ScratchError, EncodeError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _fault(error) from None


def write_scratch(path: Path, data: bytes) -> None:
    """Write a file in the scratch folder.

    Raises:
        ScratchError, EncodeError: It cannot be written.
    """
    try:
        path.write_bytes(data)
    except OSError as error:
        raise _fault(error) from None


def _fault(error: OSError) -> FarmError:
    kind = ScratchError if error.errno in _DISK_FAULTS else EncodeError
    return kind(f"a segment cannot be written to the scratch folder: {error.strerror}")
