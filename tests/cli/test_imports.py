"""Help comes at once: no command loads what it does not need to say what it does."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: Libraries that take long to load.
HEAVY = {
    *("av", "boto3", "botocore", "dramatiq", "numpy", "opentelemetry"),
    *("prometheus_client", "pydantic", "redis", "rich"),
}

#: What deals with media or with S3, which a command may need only once it works.
WORKING = {"av", "boto3", "botocore", "numpy"}


def loaded(*arguments: str) -> set[str]:
    """Return the modules that a command line has loaded in a process of its own."""
    program = (
        "import sys; from cli.main import cli\n"
        "cli.main(sys.argv[1:], standalone_mode=False); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    assert "Usage:" in done.stdout
    return set(done.stderr.split())


def test_the_help_of_the_whole_loads_nothing_heavy() -> None:
    assert not loaded("--help") & HEAVY


@pytest.mark.parametrize(
    "command",
    [
        "transcode",
        "status",
        "submit",
        "events",
        "webhooks",
        "schema",
        "verify",
        "demo",
        "worker",
        "scheduler",
    ],
)
def test_the_help_of_a_command_loads_no_media_library_and_no_s3(command: str) -> None:
    assert not loaded(command, "--help") & WORKING
