"""Subtitles in a real browser: hls.js shows each at the time that the source says."""

import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import pytest
from playwright.sync_api import Page

from api.player import serve_player
from tests.browser.conftest import HERE, PROFILE
from tests.browser.test_player import wait_for

SRT = """1
00:00:01,000 --> 00:00:02,500
one & <i>only</i>

2
00:00:05,000 --> 00:00:09,000
two

3
00:00:10,500 --> 00:00:11,000
three
"""
SHOWN = [[1.0, 2.5, "one &amp; <i>only</i>"], [5.0, 9.0, "two"], [10.5, 11.0, "three"]]

CUES = """() => [...window.gopfarm.video.textTracks]
    .filter((track) => track.kind === "subtitles" && track.mode !== "disabled")
    .flatMap((track) => [...track.cues].map((cue) => [cue.startTime, cue.endTime, cue.text]))"""


def make_stream(folder: Path, segment_format: str) -> Path:
    """A silent film whose clock starts at 7.5 s, with subtitles in two languages, English as the default."""
    subtitles, source, stream = folder / "en.srt", folder / "film.mkv", folder / "stream"
    subtitles.write_text(SRT)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin"]
    command += ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=12"]
    command += ["-i", str(subtitles), "-i", str(subtitles), "-map", "0:v", "-map", "1:s", "-map", "2:s"]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50", "-bf", "2"]
    command += ["-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=ger"]
    command += ["-disposition:s:0", "default", "-disposition:s:1", "0", "-output_ts_offset", "7.5"]
    subprocess.run([*command, "-c:s", "srt", str(source)], check=True)
    farm = [sys.executable, "-m", "gopfarm", "transcode", str(source), str(stream), "--segment", "2"]
    farm += ["--profile", str(PROFILE), "--preset", "ultrafast", "--format", segment_format]
    subprocess.run(farm, cwd=HERE.parents[1], check=True, stdout=subprocess.DEVNULL)
    return stream


@pytest.mark.parametrize("segment_format", ["cmaf", "ts"])
def test_subtitles_are_shown_when_the_source_says(page: Page, tmp_path: Path, segment_format: str) -> None:
    with serve_player(make_stream(tmp_path, segment_format)) as server:
        page.goto(server.url)
        wait_for(page, "() => window.gopfarm.hls.subtitleTracks.length === 2")
        tracks = page.evaluate("() => window.gopfarm.hls.subtitleTracks.map((t) => [t.lang, t.default])")
        assert tracks == [["en", True], ["de", False]]

        # First the segments of a later time: their place must not depend on where the viewer begins.
        page.evaluate("""() => {
            const { hls, video } = window.gopfarm;
            video.muted = true;
            video.currentTime = 10;
            hls.subtitleTrack = 0;
            hls.subtitleDisplay = true;
        }""")
        wait_for(page, f"() => ({CUES})().some(([, , text]) => text === 'three')")
        page.evaluate("() => { window.gopfarm.video.currentTime = 0; }")
        wait_for(page, f"() => ({CUES})().length === 3")
        wait_for(page, "() => !window.gopfarm.video.seeking && window.gopfarm.video.buffered.start(0) < 1")

        # MPEG-TS pictures start two frames later in the player, and so does all the rest.
        first = page.evaluate("() => window.gopfarm.video.buffered.start(0)")
        cues = sorted(page.evaluate(CUES))
        assert [text for _, _, text in cues] == [text for _, _, text in SHOWN]
        for (start, end, _), (begins, ends, _) in zip(cues, SHOWN, strict=True):
            assert abs(start - first - begins) < 0.002
            assert abs(end - first - ends) < 0.002

        page.evaluate("() => { window.gopfarm.video.currentTime = 6; }")
        wait_for(
            page,
            """() => [...window.gopfarm.video.textTracks]
                .some((track) => track.mode === "showing" && track.activeCues?.[0]?.text === "two")""",
        )
