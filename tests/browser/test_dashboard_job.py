"""The view of a job: its states, its chunk map, what went wrong, its ladder, and what can be done to it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from gopfarm.store import JobState
from tests.browser.dashboard import Faults, Server
from tests.browser.scene import HOSTILE, Scene, plan_of_length, spec_of, token_of, usual_scene
from tests.gopfarm.store.jobs import begin

FILM = plan_of_length(120)

#: Longer than the view waits before it asks again, on a busy machine.
NEXT_LOOK_MS = 15_000
#: A film in a thousand chunks.
LONG_SECONDS, LONG_CHUNK_SECONDS = 6000, 6


@pytest.fixture
def film(still_page: Page, still: Server) -> Page:
    """The view of a job of which 6 tasks are done, 3 run, 2 are queued and the others wait."""
    return opened(still_page, still)


@pytest.fixture
def changing(page: Page, dashboard: Server, scene: Scene, faults: Faults) -> Page:
    """The view of the same job where a test changes it."""
    usual_scene(scene)
    return opened(page, dashboard)


def opened(page: Page, server: Server) -> Page:
    page.goto("about:blank")
    page.goto(f"{server.url}#/jobs/film")
    expect(chunk_map(page)).to_be_visible()
    return page


def chunk_map(page: Page) -> Locator:
    return page.get_by_role("application", name=re.compile("^Chunk map"))


def legend(page: Page, state: str) -> Locator:
    return page.locator(".legend li").filter(has_text=state).locator("b")


def details(page: Page) -> Locator:
    return page.locator("#cell-details")


def picture(page: Page) -> str:
    """What the map shows once it is painted."""
    shown: str = page.evaluate("""async () => {
        for (const _ of [1, 2]) await new Promise(requestAnimationFrame);
        return document.querySelector(".map canvas").toDataURL();
    }""")
    return shown


def test_the_head_tells_state_progress_and_what_is_left(film: Page) -> None:
    expect(film.get_by_role("heading", level=1)).to_have_text("film.mp4")
    expect(film.locator(".job-head .badge")).to_contain_text("encoding")
    expect(film.get_by_text(f"6 of {len(FILM.tasks)} tasks done")).to_be_visible()
    expect(film.get_by_text(re.compile("about .* left"))).to_be_visible()
    steps = film.get_by_role("region", name="Timeline").get_by_role("listitem")
    expect(steps).to_have_count(4)
    expect(steps.first).to_contain_text("queued")
    expect(steps.last).to_contain_text("encoding")
    expect(steps.last).to_have_attribute("aria-current", "step")
    facts = film.get_by_role("region", name="Facts")
    for value in ("s3://films/film.mp4", "s3://streams/film", "news", "standard", FILM.hash):
        expect(facts).to_contain_text(value)


def test_the_map_counts_tasks_by_state(film: Page) -> None:
    for state, count in (("done", 6), ("running", 3), ("queued", 2), ("waiting", len(FILM.tasks) - 11)):
        expect(legend(film, state)).to_have_text(str(count))


def test_arrow_keys_move_through_the_map_and_tell_of_each_task(film: Page) -> None:
    chunk_map(film).focus()
    expect(details(film)).to_contain_text("Chunk 0, from 0:00 for 10 s, 1080p: done.")
    expect(details(film)).to_contain_text("took 0.0 s, expected 4.0 s, 1 attempt")
    film.keyboard.press("ArrowRight")
    film.keyboard.press("ArrowDown")
    expect(details(film)).to_contain_text("Chunk 1, from 0:10 for 10 s, 720p: done. Task video-00001-r1-r3")
    expect(film.locator("[aria-live]")).to_have_text(details(film).inner_text())
    film.keyboard.press("End")
    expect(details(film)).to_contain_text(re.compile(r"Chunk 11, from 1:50 for 10 s, 720p: waiting\."))
    film.keyboard.press("Home")
    expect(details(film)).to_contain_text("Chunk 0")
    film.keyboard.press("Tab")
    expect(chunk_map(film)).not_to_be_focused()


def test_pointing_and_tapping_tell_of_a_task(film: Page) -> None:
    canvas = chunk_map(film).locator("canvas")
    place = film.evaluate("""async () => {
        const { gridOf, placeOf } = await import("/dashboard/chunkgrid.js");
        const width = document.querySelector(".map").clientWidth;
        const grid = gridOf(width, 12, 4, Math.min(90, 14 + 7 * 5));
        const { x, y } = placeOf(grid, 3, 0);
        return { x: x + 3, y: y + 3 };
    }""")
    canvas.hover(position=place)
    expect(details(film)).to_contain_text("Chunk 3, from 0:30 for 10 s, 1080p: running.")
    expect(details(film)).to_contain_text("50 % done")
    film.mouse.move(0, 0)
    expect(details(film)).to_contain_text("Point at a cell")
    canvas.click(position=place)
    film.mouse.move(0, 0)
    expect(details(film)).to_contain_text("Chunk 3")


def test_the_map_follows_what_workers_do(changing: Page, scene: Scene) -> None:
    before = picture(changing)
    for number, task in enumerate(FILM.tasks[6:9], start=6):
        scene.finish("film", FILM, task.id, token_of(number))
    expect(legend(changing, "done")).to_have_text("9", timeout=NEXT_LOOK_MS)
    expect(legend(changing, "running")).to_have_text("0")
    assert picture(changing) != before


def test_whole_tracks_have_bars_of_their_own(film: Page) -> None:
    tracks = film.get_by_role("list", name="Whole tracks").get_by_role("listitem")
    expect(tracks).to_have_count(1)
    expect(tracks).to_contain_text("audio-0")
    expect(tracks).to_contain_text("2 attempts")


def test_timings_set_what_was_expected_against_what_it_took(film: Page) -> None:
    kinds = film.get_by_role("table", name="Tasks by kind").get_by_role("row")
    expect(kinds.filter(has_text="video")).to_contain_text(re.compile(r"5 of 24.*20 s"))
    expect(
        film.get_by_role("img", name=re.compile("Real against expected seconds of 6 tasks"))
    ).to_be_visible()
    slowest = film.get_by_role("table", name="The slowest tasks").locator("tbody tr")
    expect(slowest).to_have_count(9)
    expect(slowest.first).to_contain_text("running")


def test_failed_attempts_are_listed_with_their_reason_as_plain_text(film: Page) -> None:
    log = film.get_by_role("table", name="Failed attempts, latest first").locator("tbody tr")
    expect(log).to_have_count(1)
    expect(log).to_contain_text("audio-0")
    expect(log).to_contain_text(f"encode {HOSTILE}: it crashed")
    assert film.evaluate("window.hacked") is None


def test_the_ladder_is_told_before_anything_is_measured(film: Page) -> None:
    table = film.get_by_role("table", name="Renditions").get_by_role("row")
    expect(table.filter(has_text="1080p")).to_contain_text("1920 \u00d7 1080")
    expect(film.get_by_role("img", name="Bitrate by lines of the picture: as planned")).to_be_visible()


def test_a_job_is_cancelled_only_after_a_question(changing: Page, scene: Scene) -> None:
    changing.get_by_role("button", name="Cancel").click()
    dialog = changing.get_by_role("dialog", name="Cancel this job?")
    dialog.get_by_role("button", name="No, leave it").click()
    expect(dialog).to_be_hidden()
    assert scene.store.state("film") is JobState.ENCODING
    expect(changing.get_by_role("button", name="Cancel")).to_be_focused()
    changing.keyboard.press("Enter")
    dialog.get_by_role("button", name="Cancel the job").click()
    expect(changing.get_by_text("The job is cancelled.")).to_be_visible()
    assert scene.store.state("film") is JobState.CANCELLED
    expect(changing.locator(".job-head .badge")).to_contain_text("cancelled")
    expect(changing.get_by_role("button", name="Cancel")).to_have_accessible_description("it is cancelled")
    changing.get_by_role("button", name="Retry").click()
    changing.get_by_role("button", name="Send it through again").click()
    expect(changing.get_by_text("The job is sent through again.")).to_be_visible()
    expect(changing.locator(".job-head .badge")).to_contain_text("queued")


def test_a_job_is_made_more_urgent(changing: Page, scene: Scene) -> None:
    changing.get_by_role("button", name="Priority").click()
    dialog = changing.get_by_role("dialog", name="Change how urgent this job is?")
    expect(dialog).to_contain_text("It has priority 7 now.")
    expect(dialog.get_by_label("Priority")).to_have_value("8")
    dialog.get_by_label("Priority").select_option("9")
    dialog.get_by_role("button", name="Change it").click()
    expect(changing.get_by_text("The job has priority 9 from now on.")).to_be_visible()
    view = scene.store.view("film")
    assert view is not None
    assert view.priority == 9


def test_what_the_api_refuses_is_told_in_its_words(changing: Page, scene: Scene) -> None:
    changing.get_by_role("button", name="Cancel").click()
    assert scene.store.move("film", JobState.STITCHING)  # meanwhile its last task has ended
    changing.get_by_role("button", name="Cancel the job").click()
    expect(changing.locator(".job-head .result.problem")).not_to_be_empty()


def test_a_long_film_costs_no_more_elements_than_a_short_one(
    page: Page, dashboard: Server, scene: Scene, faults: Faults
) -> None:
    plan = plan_of_length(LONG_SECONDS, LONG_CHUNK_SECONDS)
    assert len(plan.tasks) > 2000
    scene.encode("long", plan, done=40, running=2)
    scene.encode("short", FILM, done=10, running=2)
    page.goto(f"{dashboard.url}#/jobs/short")
    expect(legend(page, "done")).to_have_text("10")
    short = page.evaluate("document.querySelectorAll('*').length")
    page.goto(f"{dashboard.url}#/jobs/long")
    expect(legend(page, "done")).to_have_text("40", timeout=20_000)
    assert page.evaluate("document.querySelectorAll('*').length") <= short + 20
    # Moving through it paints it anew each time: at most one picture for each that the screen shows.
    chunk_map(page).focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    expect(details(page)).to_contain_text("Chunk 20, from 2:00")
    page.keyboard.press("End")
    expect(details(page)).to_contain_text(f"Chunk {LONG_SECONDS // LONG_CHUNK_SECONDS - 1}")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_job_that_is_done_shows_what_was_measured(
    page: Page, dashboard: Server, scene: Scene, published_stream: Path, tmp_path: Path, faults: Faults
) -> None:
    stream = tmp_path / "stream"
    shutil.copytree(published_stream, stream)
    scene.publish("film", stream)
    report = json.loads((stream / "job.json").read_text())
    page.goto(f"{dashboard.url}#/jobs/film")
    table = page.get_by_role("table", name="Renditions").get_by_role("row")
    expect(table.filter(has_text="360p")).to_contain_text("640 \u00d7 360")
    expect(table.filter(has_text="360p")).to_contain_text("avc1.")
    measured = {entry["planned"]["name"]: entry["quality"]["psnr"] for entry in report["ladder"][:2]}
    expect(table.filter(has_text="360p")).to_contain_text(f"{measured['360p']:.1f} dB")
    expect(page.get_by_role("img", name=re.compile("^Bitrate by lines.*measured"))).to_be_visible()
    expect(page.get_by_role("img", name="Quality (PSNR) by measured bitrate")).to_be_visible()
    expect(legend(page, "done")).to_have_text(str(len(report["tasks"])))
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download job.json").click()
    assert json.loads(saved.value.path().read_text()) == report
    expect(page.get_by_role("button", name="Cancel")).to_have_accessible_description("it is done")


def test_without_figures_of_quality_there_is_no_plot_of_it(
    page: Page, dashboard: Server, scene: Scene, published_stream: Path, tmp_path: Path, faults: Faults
) -> None:
    """As of NVENC, which tells none."""
    stream = tmp_path / "stream"
    shutil.copytree(published_stream, stream)
    report = json.loads((stream / "job.json").read_text())
    for entry in report["ladder"]:
        entry["quality"] = None
    (stream / "job.json").write_text(json.dumps(report))
    scene.publish("film", stream)
    page.goto(f"{dashboard.url}#/jobs/film")
    expect(page.get_by_role("img", name=re.compile("^Bitrate by lines.*measured"))).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("Quality"))).to_have_count(0)


def test_a_job_whose_report_cannot_be_read_is_shown_all_the_same(
    page: Page, dashboard: Server, scene: Scene, s3: object, faults: Faults
) -> None:
    """The destination may be one that only workers and schedulers have rights to."""
    destination = "s3://no-such-bucket/film"
    begin(scene.store, "film", spec_of("film", destination=destination), FILM)
    assert scene.store.move("film", JobState.STITCHING)
    master = f"{destination}/master.m3u8"
    assert scene.store.move("film", JobState.DONE, plan_hash=FILM.hash, master=master)
    opened(page, dashboard)
    expect(page.locator(".job-head .badge")).to_contain_text("done")
    expect(page.get_by_role("button", name="Download job.json")).to_be_visible()
    expect(page.locator(".job-head").get_by_text("no-such-bucket")).to_be_visible()
    expect(page.get_by_role("region", name="Facts")).to_contain_text(destination)
    expect(page.get_by_role("table", name="Renditions").get_by_role("row").last).to_be_visible()
    expect(page.locator("#link")).to_have_text("live")
    expect(page.get_by_role("alert")).not_to_contain_text("report")
