"""What every command shares: errors to exit codes, JSON or words on standard output."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NoReturn, ParamSpec, TypeVar

import click

from gopfarm.errors import EXIT_INTERRUPTED, FarmError
from gopfarm.log import log_bug
from gopfarm.redact import redact

P = ParamSpec("P")
R = TypeVar("R")

#: The option that every command has.
json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable output on stdout.")


def explains_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Make a command end with one clear line and the right exit code instead of a traceback."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except FarmError as error:
            fail(error, as_json=bool(kwargs.get("as_json")))
        except KeyboardInterrupt:
            sys.exit(EXIT_INTERRUPTED)
        except (click.ClickException, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            log_bug("a bug in gopfarm")
            fail(
                FarmError(f"an internal error ({type(error).__name__}); its details are in the log above"),
                False,
            )

    return wrapped


def fail(error: FarmError, as_json: bool) -> NoReturn:
    """Print an error and exit with its code."""
    message = redact(str(error))
    if as_json:
        print_json({"error": {"kind": error.kind, "message": message}})
    click.echo(f"gopfarm: {one_line(message)}", err=True)
    sys.exit(error.exit_code)


def moment(seconds: float) -> str:
    """Write a time, in seconds since 1970, for people."""
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def one_line(text: str) -> str:
    """Return text without line breaks and control characters, which a file's name or metadata may hold."""
    return "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in " ".join(text.split())
    )


def print_json(value: Any) -> None:
    """Print a JSON document on standard output."""
    click.echo(json.dumps(value, indent=2 if sys.stdout.isatty() else None, default=str))


def bit_rate(bits_per_second: float) -> str:
    """Write a bit rate for people."""
    if bits_per_second >= 10_000_000:
        return f"{bits_per_second / 1e6:.1f} Mbit/s"
    return f"{bits_per_second / 1e3:.0f} kbit/s"


def byte_size(size: float) -> str:
    """Write a number of bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def price(amount: float) -> str:
    """Write an amount of money of an unnamed currency: cents, and of small amounts what is not nothing."""
    return f"{amount:.2f}" if amount >= 1 else f"{amount:.2g}"


def clock(seconds: float) -> str:
    """Write a duration as minutes and seconds, or hours, minutes and seconds."""
    tenths = round(10 * seconds)
    if tenths < 36_000:
        return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
