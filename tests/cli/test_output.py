"""How figures are written."""

from __future__ import annotations

import pytest

from cli.output import clock


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0:00.0"),
        (59.94, "0:59.9"),
        (59.97, "1:00.0"),
        (119.96, "2:00.0"),
        (3599.94, "59:59.9"),
        (3599.96, "1:00:00"),
        (7199.8, "2:00:00"),
        (36_125, "10:02:05"),
    ],
)
def test_no_clock_has_sixty_seconds(seconds: float, written: str) -> None:
    assert clock(seconds) == written
