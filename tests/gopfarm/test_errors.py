from __future__ import annotations

import pytest

from gopfarm.errors import ERRORS_BY_KIND, FarmError, error_from


@pytest.mark.parametrize("cls", ERRORS_BY_KIND.values())
def test_every_kind_of_error_crosses_processes_unchanged(cls: type[FarmError]) -> None:
    error = cls("the reason")
    rebuilt = error_from(error.kind, str(error))
    assert type(rebuilt) is cls
    assert str(rebuilt) == "the reason"


def test_an_unknown_kind_is_still_an_explained_error() -> None:
    assert type(error_from("of-a-later-version", "why")) is FarmError
