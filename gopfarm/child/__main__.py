"""Run the fork server."""

import sys

from gopfarm.child.server import main

if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
