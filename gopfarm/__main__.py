"""``python -m gopfarm``: the same as the ``gopfarm`` command.

By name only: this package is below the command line and must not import it.
"""

import runpy

if __name__ == "__main__":
    runpy.run_module("cli", run_name="__main__", alter_sys=True)
