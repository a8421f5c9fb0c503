"""Options that several commands share: which profile, and what to change in it."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan
from pathlib import Path
from typing import Any, TypeVar, get_args

import click
from pydantic import ValidationError

from gopfarm.errors import SpecError
from gopfarm.profile import X264_PRESETS, Profile
from gopfarm.settings import Settings
from gopfarm.spec import PublishMode, explain
from ladder import DEFAULT_PROFILE, UnknownProfileError, load_profile, read_profile

F = TypeVar("F", bound=Callable[..., Any])


def absolute(location: str) -> str:
    """Make a plain path absolute: the spec means the same in every process."""
    return location if "://" in location or not location else str(Path(location).absolute())


#: When viewers see the stream.
publish_option = click.option(
    "--publish",
    type=click.Choice(get_args(PublishMode)),
    default="whole",
    show_default=True,
    help="When it can be watched: once it is whole, or from its first segments on.",
)


class FiniteRange(click.FloatRange):
    """A range of numbers, and nothing else: "nan" is neither below nor above any bound."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number, or end the command with one line that says what is allowed."""
        number: float = super().convert(value, param, ctx)
        if isnan(number):
            self.fail(f"{value} is not a number.", param, ctx)
        return number


def profile_options(command: F) -> F:
    """Add --profile and the options that override parts of it."""
    for option in reversed(
        (
            click.option(
                "--profile",
                default=DEFAULT_PROFILE,
                show_default=True,
                metavar="NAME_OR_FILE",
                help="Built-in profile (standard, uhd, mobile) or a YAML file.",
            ),
            click.option("--preset", type=click.Choice(X264_PRESETS), help="x264 speed preset."),
            click.option(
                "--segment",
                "segment_seconds",
                type=float,
                metavar="SECONDS",
                help="Longest segment, 1 to 20 s.",
            ),
            click.option(
                "--format", "segment_format", type=click.Choice(["cmaf", "ts"]), help="Kind of segments."
            ),
            click.option("--encoder", type=click.Choice(["auto", "libx264", "nvenc"]), help="Video encoder."),
        )
    ):
        command = option(command)
    return command


def chosen_profile(
    settings: Settings,
    profile: str,
    preset: str | None,
    segment_seconds: float | None,
    segment_format: str | None,
    encoder: str | None,
) -> Profile:
    """Return the profile that the options describe.

    Raises:
        SpecError: There is no such profile, or a value is out of range.
    """
    is_file = profile.endswith((".yaml", ".yml")) or "/" in profile
    try:
        chosen = read_profile(Path(profile)) if is_file else load_profile(profile, settings.profiles_dir)
    except UnknownProfileError as error:
        raise SpecError(f"{error}, or give the path of a YAML file") from None
    changes = {
        "preset": preset,
        "segment_seconds": segment_seconds,
        "format": segment_format,
        "encoder": encoder,
    }
    document = chosen.model_dump() | {name: value for name, value in changes.items() if value is not None}
    try:
        return Profile.model_validate(document)
    except ValidationError as error:
        raise SpecError(explain(error, "profile")) from None
