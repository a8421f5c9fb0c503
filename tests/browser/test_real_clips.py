"""Real clips, transcoded by the farm, in a real browser."""

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page

from api.player import serve_player
from tests.browser.test_player import assert_plays

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "bbb_720p25_5s.mp4",
        "bench_mix_1080p30_14s.mp4",
        "hevc_1080p2997_editlist.mp4",
        "long_1080p30_363s.mp4",
        "walkers_432p10_139s.mp4",
    ],
)
def test_real_clips_play_through_a_switch_and_a_seek(name: str, page: Page, tmp_path: Path) -> None:
    source = ROOT.parent / "shared" / "media" / name
    if not source.exists():
        pytest.skip("the folder shared/media with real clips is not next to this checkout")
    farm = [sys.executable, "-m", "gopfarm", "transcode", str(source), str(tmp_path / "out")]
    subprocess.run([*farm, "--preset", "ultrafast"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    with serve_player(tmp_path / "out") as server:
        assert_plays(page, server.url)
