"""``gopfarm transcode``: one command, from a file to a stream."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.farm.processes import ROOT, gopfarm, until
from tests.farm.streams import decode, judge

SMALL = Path(__file__).parent / "small.yaml"


@pytest.fixture(scope="module")
def published(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out") / "stream"
    done = gopfarm("transcode", clip, folder, "--profile", SMALL)
    assert done.returncode == 0, done.stderr
    assert str(folder / "master.m3u8") in done.stdout
    return folder


def test_every_rendition_of_a_film_is_the_film(published: Path, clip: Path) -> None:
    judge(published, clip)


def test_the_report_tells_source_ladder_segments_and_cost(published: Path) -> None:
    report = json.loads((published / "job.json").read_text())
    assert report["source"]["video"]["frames"] == 300
    assert [rung["planned"]["name"] for rung in report["ladder"]][:2] == ["240p", "144p"]
    assert report["cost"]["cpu_seconds"] > 0
    assert len(report["tasks"]) >= 2
    peaks = [task["peak_memory_bytes"] for task in report["tasks"]]
    assert min(peaks) > 10 << 20
    assert report["cost"]["peak_memory_bytes"] == max(peaks)
    assert report["cost"]["source_bytes_read"] == 0, "a local file comes over no network"
    assert set(report["times"]) >= {"queued", "probing", "planning", "encoding", "stitching"}


def test_doing_it_again_writes_the_same_bytes(published: Path, clip: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    assert gopfarm("transcode", clip, again, "--profile", SMALL, "--workers", "1").returncode == 0
    first = {path.relative_to(published): path for path in published.rglob("*.m*") if path.is_file()}
    assert any(path.suffix == ".m4s" for path in first)
    for name, path in first.items():
        assert (again / name).read_bytes() == path.read_bytes(), name


def test_mpeg_ts_shows_the_same_number_of_frames(clip: Path, tmp_path: Path) -> None:
    done = gopfarm("transcode", clip, tmp_path / "ts", "--profile", SMALL, "--format", "ts", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["master"].endswith("master.m3u8")
    assert not (tmp_path / "ts" / "manifest.mpd").exists()
    judge(tmp_path / "ts", clip)


def test_a_file_without_picture_becomes_a_stream_of_its_sound(media: Path, tmp_path: Path) -> None:
    done = gopfarm("transcode", media / "audio_only_two_tracks.mp4", tmp_path / "sound")
    assert done.returncode == 0, done.stderr
    assert decode(tmp_path / "sound" / "master.m3u8", "a").times[0] == 0


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.mp4", b"", "is empty"),
        ("note.txt", b"this is not a film\n" * 50, "not a video or audio file"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:5,\n/etc/passwd\n#EXT-X-ENDLIST\n", "not a video or audio file"),
        ("absent.mp4", None, "does not exist"),
    ],
)
def test_what_is_no_media_is_refused_in_one_line(
    name: str, content: bytes | None, reason: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert_refused(tmp_path / name, tmp_path / "out", reason)


def test_a_truncated_film_is_refused_in_one_line(clip: Path, tmp_path: Path) -> None:
    whole = clip.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    assert_refused(tmp_path / "cut.mp4", tmp_path / "out", "truncated")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bad_encrypted.mp4", "encrypted"),
        ("bad_init_only.mp4", "no picture and no sound"),
        ("bad_truncated_no_moov.mp4", "truncated"),
    ],
)
def test_real_bad_files_are_refused_in_one_line(name: str, reason: str, media: Path, tmp_path: Path) -> None:
    assert_refused(media / name, tmp_path / "out", reason)


def assert_refused(source: Path, out: Path, reason: str) -> None:
    done = gopfarm("transcode", source, out)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert str(source) in done.stderr
    assert reason in done.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--profile", "nope"], "there is no profile 'nope'"),
        (["--segment", "0.2"], "segment_seconds"),
        (["--segment", "nan"], "segment_seconds"),
        (["--format", "avi"], "--format"),
    ],
)
def test_wrong_settings_are_refused_in_one_line(
    arguments: list[str], reason: str, clip: Path, tmp_path: Path
) -> None:
    done = gopfarm("transcode", clip, tmp_path / "out", *arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert reason in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_destination_that_cannot_be_a_folder_is_refused(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = gopfarm("transcode", clip, tmp_path / "file" / "out")
    assert done.returncode == 2
    assert "is not a folder" in done.stderr


def test_nvenc_without_a_gpu_is_a_clear_failure(clip: Path, tmp_path: Path) -> None:
    if Path("/dev/nvidiactl").exists():
        pytest.skip("this machine has a GPU")
    done = gopfarm("transcode", clip, tmp_path / "out", "--encoder", "nvenc")
    assert done.returncode == 1
    assert "no live worker has NVENC" in done.stderr
    assert not (tmp_path / "out").exists()


def test_s3_out_of_reach_names_the_address_and_exits_3(tmp_path: Path) -> None:
    done = gopfarm(
        "transcode",
        "s3://bucket/film.mp4",
        tmp_path / "out",
        AWS_ENDPOINT_URL_S3="http://127.0.0.1:1",
        AWS_ACCESS_KEY_ID="x",
        AWS_SECRET_ACCESS_KEY="x",
        AWS_DEFAULT_REGION="us-east-1",
    )
    assert done.returncode == 3
    assert "http://127.0.0.1:1" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_behind(number: signal.Signals, clip: Path, tmp_path: Path) -> None:
    out, scratch = tmp_path / "out", tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "gopfarm", "transcode", str(clip), str(out), "--preset", "slower"],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(scratch)},
        stderr=subprocess.PIPE,
        start_new_session=True,
        # The tests themselves may run in the background, where shells have SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        encoding = until(
            lambda: [
                child
                for child in psutil.Process(process.pid).children(recursive=True)
                if child.cpu_times().user > 1
            ],
            "a child is encoding",
        )
        os.killpg(process.pid, number)
        assert process.wait(60) == 130
    finally:
        process.kill()
    assert not [child for child in encoding if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    assert not out.exists()
    assert not list(scratch.iterdir())


def test_killing_it_outright_leaves_no_process(clip: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gopfarm",
            "transcode",
            str(clip),
            str(tmp_path / "out"),
            "--preset",
            "slower",
        ],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    )
    family = until(
        lambda: len(found := psutil.Process(process.pid).children(recursive=True)) >= 2 and found,
        "children run",
    )
    process.kill()
    process.wait()
    until(lambda: not psutil.wait_procs(family, timeout=0.2)[1], "the children are gone")
    assert not (tmp_path / "out" / "master.m3u8").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "bbb_720p25_5s.mp4",
        "bench_mix_1080p30_14s.mp4",
        "long_1080p30_363s.mp4",
        "walkers_432p10_139s.mp4",
        "hevc_1080p2997_editlist.mp4",
        "bpyramid_800x640p30.mp4",
        "pcm_1080p50.mov",
        "rotated270_720p2997.mp4",
        "vp9_642x642p30.webm",
    ],
)
def test_real_clips_become_true_streams(name: str, media: Path, tmp_path: Path) -> None:
    done = gopfarm("transcode", media / name, tmp_path / "out", "--preset", "ultrafast")
    assert done.returncode == 0, done.stderr
    judge(tmp_path / "out", media / name)
