"""A runner of a campaign: ``python -m tests.fuzz.runner SEED START STOP STEP WORK FILE...``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gopfarm.log import configure_logging
from tests.fuzz.campaign import run_share

if __name__ == "__main__":
    configure_logging("error")
    seed, start, stop, step = map(int, sys.argv[1:5])
    for line in run_share(
        seed, range(start, stop, step), [Path(path) for path in sys.argv[6:]], Path(sys.argv[5])
    ):
        print(json.dumps(line), flush=True)
