"""The farm keeps its promises while it is broken on purpose, and the judge of that is not blind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.campaign import Plan, campaign, possible_kinds
from tests.chaos.film import SHORT_SECONDS, File, Film, digest, make_film
from tests.chaos.places import Folder
from tests.chaos.report import markdown, one_line, table
from tests.chaos.run import Result
from tests.chaos.watcher import Watcher

#: In CI: the three faults that every farm meets, with a short lease.
QUICK = ("kill_worker", "restart_redis", "kill_leader")
QUICK_LEASE_SECONDS = 4.0

#: One with which each of the three has one job only.
QUICK_SEED = "2"

RUNS, SEED, LEASE_SECONDS = 50, "7", 15.0


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    """A short film and its undisturbed stream."""
    return make_film(tmp_path_factory.mktemp("film"), SHORT_SECONDS)


def told(results: list[Result]) -> str:
    lines = [one_line(number, len(results), result) for number, result in enumerate(results, 1)]
    return "\n".join([*lines, table(results)])


def test_three_faults_cost_no_job(film: Film, tmp_path: Path) -> None:
    results = campaign(Plan(QUICK_SEED, len(QUICK), QUICK, QUICK_LEASE_SECONDS), film, tmp_path / "runs")
    assert sum(len(result.injections) for result in results) == len(QUICK), told(results)
    assert all(result.right for result in results), told(results)


@pytest.mark.slow
def test_a_campaign_of_all_faults_loses_and_spoils_nothing(tmp_path: Path) -> None:
    film = make_film(tmp_path)
    results = campaign(Plan(SEED, RUNS, possible_kinds(), LEASE_SECONDS), film, tmp_path / "runs")
    print(markdown(results))
    assert all(result.right for result in results), told(results)


@pytest.fixture
def stream(film: Film, tmp_path: Path) -> Folder:
    """A copy of the undisturbed stream."""
    folder = Folder(tmp_path / "stream")
    reference = Folder(film.source.parent / "reference")
    for name in film.files:
        path = folder.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(reference.read(name) or b"")
    return folder


def test_the_viewer_finds_nothing_wrong_with_a_whole_stream(film: Film, stream: Folder) -> None:
    watcher = Watcher(film, [stream])
    assert watcher.look(stream) == []
    assert watcher.looks == 2


@pytest.mark.parametrize("name", ["init.mp4", "00003.m4s", "index.m3u8"])
@pytest.mark.parametrize("how", ["missing", "short"])
def test_the_viewer_sees_a_missing_and_a_partial_file(
    name: str, how: str, film: Film, stream: Folder
) -> None:
    path = next(stream.path.glob(f"180p/*/{name}"))
    path.unlink() if how == "missing" else path.write_bytes(path.read_bytes()[:-30])
    assert Watcher(film, [stream]).look(stream)


def test_files_are_told_apart_by_their_bytes() -> None:
    assert digest(b"ab") == File(2, "fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603")
    assert digest(b"ac") != digest(b"ab")
