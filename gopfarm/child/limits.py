"""How much of the machine a child may use."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gopfarm.settings import Settings

MEBIBYTE: Final = 1 << 20

#: What a child may write that is not told otherwise: probing and measuring write nothing.
_OUTPUT_BYTES: Final = 64 * MEBIBYTE


@dataclass(frozen=True)
class Limits:
    """What a child may use, and what it is kept from.

    Attributes:
        memory_bytes: Memory of its own that it may hold.
        cpu_seconds: Processor time; None where nothing but its parent's patience ends it.
        output_bytes: Bytes that it may write into its scratch folder, over its whole life.
        gpu: Whether it may use the GPU's devices.
        strict: Whether it must not run where a part of the sandbox is missing.
    """

    memory_bytes: int
    cpu_seconds: int | None = None
    output_bytes: int = _OUTPUT_BYTES
    gpu: bool = False
    strict: bool = False

    @classmethod
    def of(cls, settings: Settings | None = None) -> Limits:
        """Return what the settings, by default the process's own, allow any child."""
        from gopfarm.settings import get_settings  # not needed, and slow to load, where children are forked

        settings = settings or get_settings()
        return cls(memory_bytes=settings.child_memory_mb * MEBIBYTE, strict=settings.sandbox == "strict")

    def lasting(self, seconds: float) -> Limits:
        """Return the limits of a child that gets so many seconds.

        Everything in a child runs with one thread, so its processor time is bounded by its patience's end;
        a second one is allowed for the threads that encoders start for themselves.
        """
        return replace(self, cpu_seconds=max(1, math.ceil(2 * seconds)))

    def writing(self, size: int) -> Limits:
        """Return the limits of a child that has so many bytes to write."""
        return replace(self, output_bytes=size)

    def with_gpu(self, gpu: bool) -> Limits:
        """Return the limits of a child that may, or may not, use the GPU."""
        return replace(self, gpu=gpu)
