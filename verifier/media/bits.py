"""Reading bits, and the Exp-Golomb codes of ITU-T H.264 (9.1)."""

from __future__ import annotations


class BitReader:
    """Reads a byte string bit by bit; ``EOFError`` at its end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def bits(self, count: int) -> int:
        """Return the next ``count`` bits as an unsigned number."""
        if count > self._left:
            raise EOFError
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def flag(self) -> bool:
        """Return the next bit."""
        return bool(self.bits(1))

    def unsigned(self) -> int:
        """Return the next ue(v)."""
        zeros = 0
        while not self.bits(1):
            zeros += 1
            if zeros > 32:
                raise EOFError
        return (1 << zeros) - 1 + self.bits(zeros)

    def signed(self) -> int:
        """Return the next se(v)."""
        code = self.unsigned()
        return (code + 1) // 2 if code % 2 else -(code // 2)
