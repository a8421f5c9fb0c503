"""Benches run by one command: each stores what it found, and one that fails does not stop the others."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.__main__ import run_all
from bench.clips import Clip, Clips
from bench.report.document import Places
from bench.results import store, stored
from bench.script import ROOT
from bench.suite import BENCHES, BY_NAME
from bench.targets import TARGETS


def test_every_bench_has_a_name_and_a_script_of_its_own() -> None:
    assert len(BY_NAME) == len(BENCHES)
    for bench in BENCHES:
        assert importlib.util.find_spec(bench.module), bench.name
        assert bench.clips() == bench.clips(quick=True), bench.name


def test_a_bench_that_fails_does_not_stop_the_next_whose_result_is_stored(tmp_path: Path) -> None:
    places, works = Places.below(tmp_path), BY_NAME["pictures"]
    fails = replace(works, name="start_up", quick=("--no-such-option",))
    assert run_all([fails, works], None, places, quick=True) == ["start_up"]
    results = stored(places.results)
    assert list(results) == ["pictures"]
    assert results["pictures"].quick
    assert results["pictures"].figures["8 bit, 4:2:0"]["ratio"] == 1
    assert results["pictures"].command == "python -m bench.pictures --rounds 1 --frames 1"
    assert "| 8 bit, 4:2:0 |" in places.page.read_text()


def test_a_result_of_an_earlier_form_is_told_and_stops_no_bench(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    places, works = Places.below(tmp_path), BY_NAME["pictures"]
    assert run_all([works], None, places, quick=True) == []
    found = stored(places.results)["pictures"]
    store(found.model_copy(update={"bench": "reads", "figures": {"of": "old"}}), places.results)
    assert run_all([works], None, places, quick=True) == ["the page after pictures"]
    assert f"is a result in {places.results} of an earlier form?" in capfd.readouterr().err


def test_clips_are_made_of_the_one_that_is_given_and_do_not_tell_where_it_lay(tmp_path: Path) -> None:
    given = Clips.make(tmp_path / "made", None, set(), quick=True).files[Clip.CLIP]
    clips = Clips.make(tmp_path / "clips", given, {Clip.SECOND, Clip.MINUTE}, quick=True)
    assert clips.files.keys() == {Clip.CLIP, Clip.SECOND, Clip.MINUTE}
    assert all(file.parent == tmp_path / "clips" and file.stat().st_size for file in clips.files.values())
    assert not clips.source.made
    assert str(tmp_path) not in str(clips.source)
    again = Clips.make(tmp_path / "clips", clips.files[Clip.CLIP], set())
    assert again.source == clips.source
    assert [file.name for file in (tmp_path / "clips").iterdir()] == ["CLIP.mp4"], (
        "others are of earlier runs"
    )
    assert (clips.source.width, clips.source.height, clips.source.tracks_of_sound) == (1280, 720, 1)


@pytest.mark.slow
def test_the_whole_suite_runs_quickly_and_measures_every_target(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "bench", "--quick", "--into", tmp_path], cwd=ROOT, check=True)
    results = stored(tmp_path / "results")
    assert list(results) == [bench.name for bench in BENCHES]
    assert [target.what for target in TARGETS if target.figure(results) is None] == []
