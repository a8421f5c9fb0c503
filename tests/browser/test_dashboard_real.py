"""A real job, from its submission over HTTP to its end, as the dashboard shows it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml
from playwright.sync_api import Page, expect

from cli.embedded import EmbeddedFarm
from encoders.demo import make_demo_clip
from gopfarm.settings import Settings
from tests.browser.dashboard import Faults, serving
from tests.browser.test_player import wait_for
from tests.gopfarm.store.jobs import QUEUE

PROFILE = Path(__file__).parents[1] / "farm" / "small.yaml"


def test_a_job_is_seen_live_from_its_submission_to_its_end(
    page: Page, faults: Faults, tmp_path: Path
) -> None:
    clip = tmp_path / "a clip.mp4"
    make_demo_clip(clip, 4)
    with EmbeddedFarm(Settings(), {QUEUE: 1}, ("libx264",)) as farm, serving(farm.settings) as server:
        page.goto(f"{server.url}#/jobs")
        expect(page.get_by_text("No job was submitted so far.")).to_be_visible()
        spec = {
            "source": str(clip),
            "destination": str(tmp_path / "out"),
            "profile": yaml.safe_load(PROFILE.read_text()),
        }
        answer = page.request.post(
            f"{server.url}api/v1/jobs", data=json.dumps(spec), headers={"Content-Type": "application/json"}
        )
        assert answer.status == 202, answer.text()
        page.get_by_role("link", name="a clip.mp4").click()
        page.evaluate("""() => {
            window.seen = new Set();
            const head = document.querySelector(".job-head");
            const note = () => window.seen.add(head.querySelector(".badge span:last-child").textContent);
            const changes = { subtree: true, childList: true, characterData: true };
            new MutationObserver(note).observe(head, changes);
            note();
        }""")
        expect(page.locator(".job-head .badge")).to_contain_text("done", timeout=60_000)
        assert "encoding" in page.evaluate("[...window.seen]")
        report = json.loads((tmp_path / "out" / "job.json").read_text())
        expect(page.locator(".legend li").filter(has_text="done")).to_contain_text(str(len(report["tasks"])))
        expect(page.get_by_role("img", name=re.compile("^Bitrate by lines.*measured"))).to_be_visible()
        expect(page.get_by_role("region", name="Timeline")).to_contain_text("stitching")
        expect(page.get_by_role("alert")).to_be_empty()
        page.get_by_role("link", name="Play").click()
        wait_for(page, "() => window.gopfarm.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA")
