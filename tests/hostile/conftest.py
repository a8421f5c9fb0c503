"""The sources, made once a session."""

from __future__ import annotations

import pytest

from tests.hostile.recipes import RECIPES
from tests.hostile.sources import Kit


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    """Sources of the hostile set, each made when it is first asked for."""
    return Kit(tmp_path_factory.mktemp("hostile"), RECIPES)
