"""A real job, from its submission over HTTP to its end, as the dashboard shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Page, expect

from cli.embedded import PrivateValkey
from encoders.demo import make_demo_clip
from gopfarm.settings import Settings
from scheduler.role import Scheduler
from tests.browser.dashboard import Faults, serving
from tests.browser.test_player import PATIENCE_MS, wait_for
from tests.gopfarm.store.jobs import QUEUE
from worker.role import Worker

PROFILE = Path(__file__).parents[1] / "farm" / "small.yaml"


@pytest.fixture
def farm() -> Iterator[tuple[Settings, Worker]]:
    """A farm whose worker is still to be started."""
    with ExitStack() as ends:
        valkey = PrivateValkey()
        ends.callback(valkey.stop)
        settings = Settings(redis_url=valkey.url)
        scheduler, worker = Scheduler(settings), Worker(settings, {QUEUE: 1}, ("libx264",))
        scheduler.start()
        ends.callback(scheduler.stop)
        ends.callback(worker.stop)
        yield settings, worker


def test_a_job_is_seen_live_from_its_submission_to_its_end(
    page: Page, faults: Faults, farm: tuple[Settings, Worker], tmp_path: Path
) -> None:
    settings, worker = farm
    make_demo_clip(tmp_path / "a clip.mp4", 4)
    spec = {
        "source": str(tmp_path / "a clip.mp4"),
        "destination": str(tmp_path / "out"),
        "profile": yaml.safe_load(PROFILE.read_text()),
    }
    with serving(settings) as server:
        page.goto(f"{server.url}#/jobs")
        expect(page.get_by_text("No job was submitted so far.")).to_be_visible()
        answer = page.request.post(f"{server.url}api/v1/jobs", data=spec)
        assert answer.status == 202, answer.text()
        page.get_by_role("link", name="a clip.mp4").click(timeout=PATIENCE_MS)
        badge = page.locator(".job-head .badge")
        expect(badge).to_contain_text("encoding", timeout=PATIENCE_MS)
        legend = page.locator(".legend li")
        expect(legend.filter(has_text="done")).to_contain_text("0")
        expect(page.get_by_role("alert")).to_contain_text(
            f"No worker serves the queue {QUEUE}", timeout=PATIENCE_MS
        )

        worker.start()
        expect(badge).to_contain_text("done", timeout=2 * PATIENCE_MS)
        tasks = json.loads((tmp_path / "out" / "job.json").read_text())["tasks"]
        expect(legend.filter(has_text="done")).to_contain_text(str(len(tasks)))
        expect(page.get_by_role("img", name=re.compile("^Bitrate by lines.*measured"))).to_be_visible()
        expect(page.get_by_role("region", name="Timeline")).to_contain_text("stitching")

        page.get_by_role("link", name="Play").click()
        expect(page.get_by_role("group", name="Rendition")).to_be_visible(timeout=PATIENCE_MS)
        wait_for(page, "() => window.gopfarm.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA")
