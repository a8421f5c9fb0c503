"""Make the pictures of the dashboard that the documentation shows: ``make screenshots``.

They show a farm that stands in for a real one: jobs and workers are in its store, nothing is encoded.
"""

from __future__ import annotations

import itertools
import logging
import threading
from pathlib import Path

import structlog
from playwright.sync_api import Page, expect, sync_playwright

from cli.embedded import PrivateValkey
from gopfarm.settings import Settings
from gopfarm.store import JobState, connect
from tests.browser.conftest import CHROMIUM_ARGS, chromium_path
from tests.browser.dashboard import serving
from tests.browser.scene import GPU_QUEUE, Scene, plan_of_length, token_of
from tests.gopfarm.store.jobs import QUEUE

IMAGES = Path(__file__).parents[2] / "docs" / "images"
DESK, PHONE = {"width": 1180, "height": 860}, {"width": 360, "height": 740}

#: For so long tasks end one after the other, so that there is some throughput to be seen.
WORK_SECONDS = 45

FILM = plan_of_length(3600, 15)
LONG, DONE, RUNNING = "the-long-film", 170, 9


def fill(scene: Scene) -> None:
    """Put a farm at work into the store."""
    scene.add_workers(4, {QUEUE: 8})
    scene.add_workers(2, {GPU_QUEUE: 2}, ("h264_nvenc", "libx264"), name="gpu")
    for number, tenant in enumerate(("school", "school", "archive", "news")):
        scene.add_job(f"lecture-{number + 11}", tenant=tenant, priority=(3, 3, 1, 8)[number])
    scene.add_job("holiday", JobState.FAILED, tenant="school")
    scene.add_job("interview", JobState.CANCELLED, tenant="news")
    scene.encode("evening-news", plan_of_length(600), done=20, running=4, queued=3, tenant="news", priority=8)
    scene.encode(LONG, FILM, done=DONE, running=RUNNING, queued=6, tenant="archive", priority=5)


def work(scene: Scene, stopped: threading.Event) -> None:
    """Let the running tasks of the long film end one after the other, and others begin."""
    pauses = itertools.cycle((0.9, 0.4, 1.3, 0.6, 0.3, 1.0, 0.7))
    runs = [task.id for task in FILM.tasks[DONE : DONE + RUNNING]]
    for number in itertools.count(DONE):
        if stopped.wait(next(pauses)):
            return
        scene.finish(LONG, FILM, runs.pop(0), token_of(number))
        runs.append(scene.start(LONG, FILM, token_of(number + RUNNING)))


def shoot(page: Page, name: str, url: str, heading: str) -> None:
    page.goto(url)
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    expect(page.locator("#link")).to_have_text("live")
    page.wait_for_timeout(1500)
    page.screenshot(path=IMAGES / f"dashboard-{name}.png")


def main() -> None:
    """Write all pictures."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    valkey, stopped = PrivateValkey(), threading.Event()
    try:
        with (
            connect(valkey.url) as client,
            Scene(client, valkey.url) as scene,
            serving(Settings(redis_url=valkey.url)) as server,
            sync_playwright() as playwright,
        ):
            fill(scene)
            worker = threading.Thread(target=work, args=(scene, stopped), daemon=True)
            worker.start()
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_ARGS)
            page = browser.new_page(viewport=DESK, color_scheme="light")
            page.goto(server.url)
            page.wait_for_timeout(WORK_SECONDS * 1000)
            page.screenshot(path=IMAGES / "dashboard-fleet.png", full_page=True)
            film = f"{server.url}#/jobs/{LONG}"
            shoot(page, "job", film, f"{LONG}.mp4")
            shoot(browser.new_page(viewport=DESK, color_scheme="dark"), "dark", film, f"{LONG}.mp4")
            shoot(browser.new_page(viewport=PHONE, color_scheme="light"), "phone", film, f"{LONG}.mp4")
            stopped.set()
            worker.join()
            browser.close()
    finally:
        valkey.stop()


if __name__ == "__main__":
    main()
