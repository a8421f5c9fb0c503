"""Which renditions: profiles and rules. Pure functions."""

from ladder.profiles import (
    DEFAULT_PROFILE,
    UnknownProfileError,
    load_profile,
    parse_profile,
    preset_names,
    read_profile,
)
from ladder.rungs import Rung, fit_rungs

__all__ = [
    "DEFAULT_PROFILE",
    "Rung",
    "UnknownProfileError",
    "fit_rungs",
    "load_profile",
    "parse_profile",
    "preset_names",
    "read_profile",
]
