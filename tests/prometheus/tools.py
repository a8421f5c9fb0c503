"""Prometheus' own programs, from Debian's package ``prometheus``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


def prometheus_tool(name: str) -> Path:
    """Return where ``prometheus`` or ``promtool`` is. Without it the test is skipped.

    With GOPFARM_REQUIRE_PROMETHEUS=1 it fails instead.
    """
    found = shutil.which(name)
    if found is None:
        told = f"{name} is missing: install Debian's package prometheus"
        if os.environ.get("GOPFARM_REQUIRE_PROMETHEUS") == "1":
            pytest.fail(told, pytrace=False)
        pytest.skip(told)
    return Path(found)
