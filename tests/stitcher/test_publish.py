from __future__ import annotations

import json
import re
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import m3u8
import pytest

from gopfarm.errors import VerifyError
from stitcher.publish import publish
from tests.stitcher.build import Folder, audio, honest_results, make_plan, presentation_of


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_what_viewers_open_is_written_last(folder: Folder) -> None:
    plan = make_plan()
    folder.lay_segments(plan)
    publish(plan, honest_results(plan), folder, {})
    assert folder.written == [
        "720p/0a1b2c3d4e5f/index.m3u8",
        "360p/0a1b2c3d4e5f/index.m3u8",
        "audio-0/0a1b2c3d4e5f/index.m3u8",
        "job.json",
        "manifest.mpd",
        "master.m3u8",
    ]


def test_everything_that_the_playlists_name_is_there(folder: Folder) -> None:
    plan = make_plan(tracks=(audio(), audio("fr", number=1)))
    folder.lay_segments(plan)
    publish(plan, honest_results(plan), folder, {})
    master = m3u8.load(str(folder.root / "master.m3u8"))
    addresses = [entry.uri for entry in (*master.playlists, *master.media)]
    assert len(addresses) == 4
    for address in addresses:
        playlist = m3u8.load(str(folder.root / address))
        for name in [segment.uri for segment in playlist.segments] + [
            one.uri for one in playlist.segment_map
        ]:
            assert ((folder.root / address).parent / name).is_file()
    manifest = (folder.root / "manifest.mpd").read_text()
    for init in re.findall(r'initialization="([^"]+)"', manifest):
        assert (folder.root / init).is_file()
    for template in re.findall(r'media="([^"]+)"', manifest):
        assert (folder.root / template.replace("$Number%05d$", "00003")).is_file()


@pytest.mark.parametrize("key", ["360p/0a1b2c3d4e5f/00002.m4s", "audio-0/0a1b2c3d4e5f/init.mp4"])
def test_nothing_is_written_when_an_object_is_missing(folder: Folder, key: str) -> None:
    plan = make_plan()
    folder.lay_segments(plan)
    (folder.root / key).unlink()
    rendition, _, file = key.split("/")
    with pytest.raises(VerifyError, match=rf"{rendition} segment \d \({file}\): .*missing"):
        publish(plan, honest_results(plan), folder, {})
    assert folder.written == []


def test_nothing_is_written_when_an_object_is_cut_short(folder: Folder) -> None:
    plan = make_plan()
    folder.lay_segments(plan)
    folder.lay("720p/0a1b2c3d4e5f/00001.m4s", b"half")
    with pytest.raises(VerifyError, match=r"720p segment 1 .*has 4 bytes"):
        publish(plan, honest_results(plan), folder, {})
    assert folder.written == []


def test_nothing_is_written_when_the_results_are_not_the_plan(folder: Folder) -> None:
    plan = make_plan()
    folder.lay_segments(plan)
    with pytest.raises(VerifyError, match="720p segment 0"):
        publish(plan, honest_results(plan)[1:], folder, {})
    assert folder.written == []


def test_publishing_again_writes_the_same_bytes(folder: Folder) -> None:
    plan = make_plan()
    folder.lay_segments(plan)
    publish(plan, honest_results(plan), folder, {})
    first = {key: (folder.root / key).read_bytes() for key in folder.written}
    publish(plan, [*reversed(honest_results(plan)), *honest_results(plan)], folder, {})
    assert {key: (folder.root / key).read_bytes() for key in folder.written} == first


def test_the_report_has_the_caller_s_facts_and_every_file(folder: Folder) -> None:
    plan = make_plan()
    folder.lay_segments(plan)
    report = {"job": "j1", "source": plan.facts, "rate": Fraction(30000, 1001), "plan": "overwritten"}
    publish(plan, honest_results(plan), folder, report)
    written = json.loads((folder.root / "job.json").read_bytes())
    assert written["job"] == "j1"
    assert written["rate"] == "30000/1001"
    assert written["source"]["digest"] == "digest"
    assert (written["plan"], written["format"]) == ("0a1b2c3d4e5f", "cmaf")
    assert [entry["planned"]["name"] for entry in written["ladder"]] == ["720p", "360p", "audio-0"]
    for entry in written["ladder"]:
        for file in (entry["init"], *entry["segments"]):
            data = (folder.root / entry["planned"]["directory"] / file["file"]).read_bytes()
            assert (file["size"], file["sha256"]) == (len(data), sha256(data).hexdigest())


def test_the_publisher_learns_what_was_measured(folder: Folder) -> None:
    plan = make_plan()
    folder.lay_segments(plan)
    published = publish(plan, honest_results(plan), folder, {})
    assert (published.master, published.manifest, published.report) == (
        "master.m3u8",
        "manifest.mpd",
        "job.json",
    )
    streams = presentation_of(plan).streams
    best, sound = published.renditions[0], published.renditions[-1]
    assert (best.name, best.width, best.height) == ("720p", 1280, 720)
    assert (sound.name, sound.width, sound.height) == ("audio-0", None, None)
    assert best.seconds == pytest.approx(631 * 1001 / 30000)
    assert (best.peak_bitrate, best.average_bitrate) == (streams[0].rates.peak, streams[0].rates.average)
    on_disk = [path for path in (folder.root / "720p/0a1b2c3d4e5f").iterdir() if path.suffix != ".m3u8"]
    assert best.bytes == sum(path.stat().st_size for path in on_disk)


def test_mpeg_ts_leaves_an_earlier_manifest_as_it_was(folder: Folder) -> None:
    plan = make_plan(segment_format="ts")
    folder.lay_segments(plan)
    folder.lay("manifest.mpd", b"an earlier publication")
    published = publish(plan, honest_results(plan), folder, {})
    assert (published.manifest, published.stale_manifest) == (None, True)
    assert "manifest.mpd" not in folder.written
    assert (folder.root / "manifest.mpd").read_bytes() == b"an earlier publication"
    assert folder.written[-1] == "master.m3u8"


def test_mpeg_ts_in_a_fresh_folder_leaves_no_manifest(folder: Folder) -> None:
    plan = make_plan(segment_format="ts")
    folder.lay_segments(plan)
    assert not publish(plan, honest_results(plan), folder, {}).stale_manifest
    assert not (folder.root / "manifest.mpd").exists()


def test_sound_alone_is_published(folder: Folder) -> None:
    plan = make_plan(ladder=())
    folder.lay_segments(plan)
    publish(plan, honest_results(plan), folder, {})
    master = m3u8.load(str(folder.root / "master.m3u8"))
    assert [variant.uri for variant in master.playlists] == ["audio-0/0a1b2c3d4e5f/index.m3u8"]
