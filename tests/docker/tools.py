"""The tools of the ecosystem that come as development dependencies."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def tool(name: str) -> str:
    """Return where a program is: beside this Python, or wherever PATH says."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert found, f"{name} is missing: it comes with the development packages (make venv-dev)"
    return found
