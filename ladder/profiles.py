"""Finding a profile by name and reading one from YAML."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gopfarm.errors import SpecError
from gopfarm.profile import Profile
from gopfarm.spec import explain

DEFAULT_PROFILE = "standard"


class UnknownProfileError(SpecError):
    """There is no profile of that name."""


def preset_names() -> tuple[str, ...]:
    """Return the names of the built-in profiles."""
    folder = resources.files("ladder") / "presets"
    return tuple(sorted(Path(entry.name).stem for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def load_profile(name: str, folder: Path | None = None) -> Profile:
    """Return the profile called ``name``: from ``folder`` (the operator's own) first, then a built-in one.

    Raises:
        UnknownProfileError: There is none of that name; the message lists those that exist.
    """
    own = {path.stem: path for path in folder.glob("*.yaml")} if folder is not None else {}
    if name in own:
        return read_profile(own[name])
    if name in preset_names():
        text = (resources.files("ladder") / "presets" / f"{name}.yaml").read_text("utf-8")
        return parse_profile(text, f"profile {name}")
    known = ", ".join(sorted({*own, *preset_names()}))
    raise UnknownProfileError(f"there is no profile {name!r}; there are {known}")


def read_profile(path: Path) -> Profile:
    """Read a profile from a YAML file.

    Raises:
        SpecError: The file cannot be read or is not a valid profile.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SpecError(f"profile {path} cannot be read: {reason}") from None
    return parse_profile(text, f"profile {path}", default_name=path.stem)


def parse_profile(text: str, what: str, default_name: str = "custom") -> Profile:
    """Read a profile from YAML text; ``what`` is how errors call it.

    Raises:
        SpecError: It is not YAML, or not a valid profile; the message names each field.
    """
    try:
        document: Any = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2024-99-99
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise SpecError(f"{what} is not YAML{where}") from None
    if not isinstance(document, dict):
        raise SpecError(f"{what} is not valid: it must be a mapping with at least 'renditions'")
    try:
        return Profile.model_validate({"name": default_name, **document})
    except ValidationError as error:
        raise SpecError(explain(error, what)) from None
