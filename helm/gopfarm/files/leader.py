"""Wait until exactly one scheduler leads, by the metrics of all: ``leader.py HOST PORT``."""

import socket
import sys
import time
import urllib.request

#: Seconds to wait, and between looks: a farm that has just been installed pulls images and gets a volume.
WAIT_SECONDS, PAUSE_SECONDS = 180.0, 2.0


def leads(address: str, port: int) -> bool:
    """Tell whether the scheduler at an address says that it leads.

    Raises:
        OSError: It does not answer.
    """
    host = f"[{address}]" if ":" in address else address
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=5) as answer:
        return b"\ngopfarm_scheduler_leads 1.0" in answer.read()


def count(host: str, port: int) -> tuple[int, int]:
    """Return how many schedulers a name stands for, and how many of them lead."""
    addresses = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    return len(addresses), sum(leads(address, port) for address in addresses)


def main() -> None:
    """Look until one leads, or say what was seen last and exit with 1."""
    host, port, end = sys.argv[1], int(sys.argv[2]), time.monotonic() + WAIT_SECONDS
    while True:
        try:
            schedulers, leading = count(host, port)
            seen = f"of {schedulers} schedulers {leading} lead"
            if leading == 1:
                print(seen)
                return
        except OSError as error:
            seen = f"the schedulers at {host}:{port} do not answer: {error}"
        if time.monotonic() > end:
            sys.exit(seen)
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
