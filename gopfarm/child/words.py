"""What a child writes to its standard output and error: read as it comes, and only the end of it kept."""

from __future__ import annotations

import os
from typing import Final

#: Lines, and bytes at most, that are kept for the report on a child that died.
_LINES: Final = 5
_BYTES: Final = 4096

#: Characters of the last line that an error message quotes.
_QUOTED: Final = 200

#: Bytes that a pipe is emptied of at a time.
_PIPE: Final = 65536


class LastWords:
    """The reading end of a pipe that a child writes into. It never makes the child wait.

    ``ended`` is set when nobody can write into the pipe any more.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._kept = b""
        self.ended = False
        os.set_blocking(descriptor, False)

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._descriptor

    def take(self) -> bool:
        """Take a piece of what is there; return whether there was something."""
        try:
            data = os.read(self._descriptor, _PIPE)
        except BlockingIOError:
            return False
        self._kept = (self._kept + data)[-_BYTES:]
        self.ended = not data
        return bool(data)

    def lines(self) -> list[str]:
        """Return the last lines, without characters that would make a mess of a log."""
        text = self._kept.decode("utf-8", "replace").strip()
        lines = [_printable(line) for line in text.splitlines()]
        return [line for line in lines if line][-_LINES:]

    def quoted(self) -> str:
        """Return the last line, short enough to be part of a message; empty if there is none."""
        lines = self.lines()
        if not lines:
            return ""
        return lines[-1] if len(lines[-1]) <= _QUOTED else f"{lines[-1][:_QUOTED]}..."

    def close(self) -> None:
        """Close this end of the pipe."""
        os.close(self._descriptor)


def _printable(line: str) -> str:
    return "".join(character if character.isprintable() else " " for character in line).strip()
