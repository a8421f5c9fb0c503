"""A good stream is found good; each fault that is planted in it is found, under its rule."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from tests.verifier.media_faults import MEDIA_FAULTS
from tests.verifier.playlist_faults import PLAYLIST_FAULTS
from tests.verifier.streams import Published, found, has, shift_times
from verifier import rulebook
from verifier.decoding import FirstPictures

#: Warnings that the good stream earns: what the farm does not make yet, and two-second segments.
EXPECTED = {
    "cmaf": {rulebook.SIX_SECONDS.reference, rulebook.I_FRAMES.reference},
    "ts": {
        rulebook.SIX_SECONDS.reference,
        rulebook.I_FRAMES.reference,
        # Segments are written by independent processes, which cannot know each other's counters.
        rulebook.COUNTERS_RESTART.reference,
    },
}


def test_what_the_farm_publishes_is_good(published: Published, clip: Path) -> None:
    findings = found(published, clip)
    assert not [finding for finding in findings if finding.level == "error"]
    assert {finding.rule for finding in findings} <= EXPECTED[published.format]


@pytest.mark.parametrize("fault", PLAYLIST_FAULTS)
def test_a_fault_in_a_playlist_is_found(
    fault: str, good: Callable[[str], Published], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Decoding takes a process, and finds no fault of these; others below need it.
    monkeypatch.setattr(FirstPictures, "flush", lambda self: None)
    spoilt = good("cmaf").copy(tmp_path / "spoilt")
    plant, rule, words = PLAYLIST_FAULTS[fault]
    plant(spoilt)
    findings = found(spoilt)
    assert has(findings, rule, words), findings


@pytest.mark.parametrize("fault", MEDIA_FAULTS)
def test_a_fault_in_the_media_is_found(
    fault: str, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FirstPictures, "flush", lambda self: None)
    plant, rule, words = MEDIA_FAULTS[fault]
    plant(published)
    findings = found(published)
    assert has(findings, rule, words), findings


def test_a_wrong_clock_is_found(published: Published) -> None:
    shift_times(published.segment("180p", 1), Fraction(1, 5), 12_800)
    rule = rulebook.TFDT_CONTINUOUS if published.format == "cmaf" else rulebook.CONTINUOUS
    findings = found(published)
    assert has(findings, rule, "gap of 200.0 ms"), findings
    assert has(findings, rule, "overlap of 200.0 ms"), findings


def test_a_segment_of_another_rendition_is_found(published: Published) -> None:
    shutil.copyfile(published.segment("90p", 1), published.segment("180p", 1))
    rule = rulebook.DECODES if published.format == "cmaf" else rulebook.PARAMETERS
    findings = found(published)
    assert has(findings, rule), findings


def test_edges_of_its_own_are_found(published: Published, other_edges: Callable[[str], Published]) -> None:
    folder = published.playlist("90p").parent
    shutil.rmtree(folder)
    shutil.copytree(other_edges(published.format).playlist("90p").parent, folder)
    findings = found(published)
    assert has(
        findings, rulebook.SAME_EDGES, "at 3.000 s" if published.format == "cmaf" else "at 13.000 s"
    ), findings
    assert has(findings, rulebook.SAME_TARGET), findings


def test_an_init_segment_of_another_rendition_is_found(
    good: Callable[[str], Published], tmp_path: Path
) -> None:
    spoilt = good("cmaf").copy(tmp_path / "spoilt")
    shutil.copyfile(spoilt.playlist("90p").parent / "init.mp4", spoilt.playlist("180p").parent / "init.mp4")
    findings = found(spoilt)
    assert has(findings, rulebook.DECODES), findings
    assert has(findings, rulebook.RESOLUTION_TRUE), findings


def test_a_missing_map_is_found(good: Callable[[str], Published], tmp_path: Path) -> None:
    spoilt = good("cmaf").copy(tmp_path / "spoilt")
    spoilt.edit("180p", "#EXT-X-MAP:.*\n", "")
    findings = found(spoilt)
    assert has(findings, rulebook.MP4_MAP), findings


def test_mpeg_ts_without_its_tables_is_found(good: Callable[[str], Published], tmp_path: Path) -> None:
    spoilt = good("ts").copy(tmp_path / "spoilt")
    segment = spoilt.segment("180p", 1)
    data = segment.read_bytes()
    packets = [data[at : at + 188] for at in range(0, len(data), 188)]
    pids = [(packet[1] & 31) << 8 | packet[2] for packet in packets]
    segment.write_bytes(b"".join(packet for packet, pid in zip(packets, pids, strict=True) if pid != 0))
    findings = found(spoilt)
    assert has(findings, rulebook.TS_TABLES), findings


def test_a_lost_packet_of_mpeg_ts_is_found(good: Callable[[str], Published], tmp_path: Path) -> None:
    spoilt = good("ts").copy(tmp_path / "spoilt")
    segment = spoilt.segment("180p", 1)
    data = segment.read_bytes()
    segment.write_bytes(data[: 20 * 188] + data[21 * 188 :])
    findings = found(spoilt)
    assert has(findings, rulebook.COUNTERS), findings


def test_a_rule_that_is_broken_everywhere_is_told_a_few_times(published: Published) -> None:
    playlist = published.playlist("180p")
    playlist.write_text(playlist.read_text() + "# \n" * 100)
    findings = [one for one in found(published) if one.rule == rulebook.TEXT.reference]
    assert len(findings) < 10
    assert "and 95 more" in findings[-1].message
