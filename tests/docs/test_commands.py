"""Every command of ours that a document, a unit or a compose file shows can be run as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from tests.docs.commands import commands_in, commands_of, parse

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
UNITS = sorted((ROOT / "docs" / "operations" / "systemd").glob("*.service"))

#: Stands for a value in what a page shows, and is none that an option takes.
_PLACEHOLDERS = {"JSON": "{}", "SECONDS": "6", "N": "2", "PORT": "9100"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_is_shown_can_be_parsed(page: Path) -> None:
    for words in commands_of(page):
        parse([_PLACEHOLDERS.get(word, word) for word in words])


def test_pages_show_commands() -> None:
    """Or the test above would have nothing to look at."""
    shown = {page.name: sum(1 for _ in commands_of(page)) for page in PAGES}
    assert shown["README.md"] > 15
    assert shown["operations.md"] > 5
    assert shown["kubernetes.md"] >= 3


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_a_command_that_exists(unit: Path) -> None:
    (line,) = re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)
    (words,) = commands_in(line)
    parse(words)
    assert words[0] == unit.stem.removeprefix("gopfarm-")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("GOPFARM_REDIS_URL=redis://q gopfarm worker --slots 8 &", [["worker", "--slots", "8"]]),
        ("kubectl exec deploy/farm-gopfarm-scheduler -- gopfarm list", [["list"]]),
        (".venv/bin/gopfarm schema > docs/x.json", [["schema"]]),
        ("gopfarm list --json | xargs gopfarm retry", [["list", "--json"], ["retry", "FROM-XARGS"]]),
        ("helm install farm helm/gopfarm --namespace video", []),
        ("docker run gopfarm:cuda worker", []),
        ("cd /opt/gopfarm", []),
    ],
)
def test_commands_are_found_where_they_stand(line: str, words: list[list[str]]) -> None:
    assert list(commands_in(line)) == words


@pytest.mark.parametrize("words", [["nothing"], ["plan"], ["plan", "x", "--slot", "2"], ["webhooks", "nope"]])
def test_what_does_not_exist_is_found_out(words: list[str]) -> None:
    with pytest.raises(click.UsageError):
        parse(words)
