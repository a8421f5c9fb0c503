"""The view of jobs: whose they are, a list with filters and pages, and that it leaves the reader alone."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Locator, Page, expect

from gopfarm.store import JobState
from tests.browser.dashboard import Faults, Server
from tests.browser.scene import HOSTILE, Scene, plan_of_length, usual_scene

#: Longer than the view waits before it asks again, on a busy machine.
NEXT_LOOK_MS = 15_000


@pytest.fixture
def jobs(still_page: Page, still: Server) -> Page:
    """The jobs of a farm that nobody changes."""
    return opened(still_page, still)


@pytest.fixture
def changing(page: Page, dashboard: Server, scene: Scene, faults: Faults) -> Page:
    """The jobs of a farm that a test changes."""
    usual_scene(scene)
    return opened(page, dashboard)


def opened(page: Page, server: Server) -> Page:
    page.goto("about:blank")
    page.goto(f"{server.url}#/jobs")
    expect(rows(page)).to_have_count(5)
    return page


def rows(page: Page) -> Locator:
    return page.get_by_role("table", name="Jobs, newest first").locator("tbody tr")


def names(page: Page) -> list[str]:
    return page.get_by_role("table", name="Jobs, newest first").locator("tbody th a").all_inner_texts()


def test_jobs_are_listed_newest_first_with_state_and_progress(jobs: Page) -> None:
    assert names(jobs)[0] == "film.mp4"
    assert names(jobs)[-1] == "waits.mp4"
    film = rows(jobs).filter(has_text="film.mp4").first
    expect(film).to_contain_text("encoding")
    expect(film).to_contain_text("news")
    expect(film.get_by_role("progressbar")).not_to_have_attribute("aria-valuenow", "0")


def test_names_of_sources_stay_names(jobs: Page) -> None:
    assert HOSTILE.rsplit("/", 1)[-1] in names(jobs)
    assert jobs.evaluate("window.hacked") is None
    jobs.get_by_role("link", name="script>.mp4").click()
    expect(jobs.get_by_role("heading", level=1)).to_contain_text("script>.mp4")
    expect(jobs.get_by_role("region", name="Facts")).to_contain_text(HOSTILE)
    assert jobs.evaluate("window.hacked") is None
    assert jobs.locator("main img, main script").count() == 0


@pytest.mark.parametrize(
    ("label", "value", "found"),
    [
        ("State", "failed", 1),
        ("Tenant", "school", 3),
        ("Text in id, source or destination", "streams/film", 1),
        ("Text in id, source or destination", "no such thing", 0),
    ],
)
def test_filters_narrow_the_list_and_stay_in_the_address(
    jobs: Page, label: str, value: str, found: int
) -> None:
    field = jobs.get_by_label(label, exact=True)
    if label == "State":
        field.select_option(value)
    else:
        field.fill(value)
    expect(rows(jobs)).to_have_count(found)
    if not found:
        expect(jobs.get_by_text("No job is like that.")).to_be_visible()
    jobs.reload()
    expect(rows(jobs)).to_have_count(found)
    expect(jobs.get_by_label(label, exact=True)).to_have_value(value)


def test_long_lists_have_pages(page: Page, dashboard: Server, scene: Scene, faults: Faults) -> None:
    for number in range(30):
        scene.add_job(f"job-{number:02d}")
        time.sleep(0.002)
    page.goto(f"{dashboard.url}#/jobs")
    expect(rows(page)).to_have_count(25)
    assert names(page)[0] == "job-29.mp4"
    expect(page.get_by_role("button", name="Newer")).to_be_disabled()
    page.get_by_role("button", name="Older").click()
    expect(rows(page)).to_have_count(5)
    assert names(page)[-1] == "job-00.mp4"
    expect(page.get_by_text("Page 2")).to_be_visible()
    page.get_by_role("button", name="Newer").click()
    expect(rows(page)).to_have_count(25)


def test_work_is_told_by_tenant_and_by_priority(jobs: Page) -> None:
    tenants = jobs.get_by_role("table", name="Work by tenant").get_by_role("row")
    news = tenants.filter(has_text="news")
    expect(news.get_by_role("cell").nth(0)).to_have_text("1")
    expect(news.get_by_role("cell").nth(1)).to_have_text("3")
    expect(tenants.filter(has_text="school").get_by_role("cell").nth(0)).to_have_text("1")
    priorities = jobs.get_by_role("table", name="Jobs by priority").locator("tbody tr")
    expect(priorities.first).to_contain_text("7")
    expect(priorities.last).to_contain_text("2")
    tenants.filter(has_text="news").get_by_role("link").click()
    expect(rows(jobs)).to_have_count(1)
    expect(jobs.get_by_label("Tenant", exact=True)).to_have_value("news")


def test_new_jobs_appear_and_leave_focus_selection_and_scroll_where_they_are(
    changing: Page, scene: Scene
) -> None:
    changing.set_viewport_size({"width": 1000, "height": 300})
    link = changing.get_by_role("link", name="waits.mp4")
    link.focus()
    changing.evaluate("""() => {
        window.scrollTo(0, 150);
        const link = document.activeElement;
        getSelection().selectAllChildren(link);
        window.same = link;
    }""")
    before = changing.evaluate("[scrollY, String(getSelection())]")
    scene.add_job("newcomer")
    scene.store.cancel("waits")
    expect(changing.get_by_role("link", name="newcomer.mp4")).to_be_attached(timeout=NEXT_LOOK_MS)
    expect(rows(changing).filter(has_text="waits.mp4")).to_contain_text("cancelled")
    assert changing.evaluate("document.activeElement === window.same && window.same.isConnected")
    assert changing.evaluate("[scrollY, String(getSelection())]")[1] == before[1] == "waits.mp4"


def test_what_is_typed_is_not_overwritten(changing: Page, scene: Scene) -> None:
    field = changing.get_by_label("Text in id, source or destination")
    field.fill("streams/film")
    expect(rows(changing)).to_have_count(1)
    scene.encode("film-2", plan_of_length(30))
    expect(rows(changing)).to_have_count(2, timeout=NEXT_LOOK_MS)
    expect(field).to_be_focused()
    expect(field).to_have_value("streams/film")


def test_a_filter_by_a_state_that_there_is_not_is_refused_and_lists_nothing(
    page: Page, dashboard: Server, scene: Scene
) -> None:
    scene.add_job("film")
    page.goto(f"{dashboard.url}#/jobs?state=fialed")
    expect(page.get_by_role("alert")).to_contain_text("The request is not valid: state: Input should be")
    expect(page.get_by_label("State", exact=True)).to_have_value("fialed")
    assert names(page) == []
    page.get_by_label("State", exact=True).select_option("queued")
    expect(page.get_by_role("link", name="film.mp4")).to_be_visible()
    expect(page.get_by_role("alert")).not_to_contain_text("not valid")


@pytest.mark.parametrize("name", ["nothing", "%", "%FF"])
def test_a_job_that_is_not_known_is_told_so(page: Page, dashboard: Server, faults: Faults, name: str) -> None:
    page.goto(f"{dashboard.url}#/jobs/{name}")
    expect(page.get_by_text(f"There is no job {name}")).to_be_visible()


def test_nothing_is_asked_for_while_the_tab_is_hidden(changing: Page, scene: Scene) -> None:
    asked: list[str] = []
    changing.on("request", lambda request: asked.append(request.url))
    changing.evaluate("""() => {
        Object.defineProperty(document, "hidden", { get: () => window.away, configurable: true });
        window.away = true;
        document.dispatchEvent(new Event("visibilitychange"));
    }""")
    expect(changing.locator("#link")).to_have_text("paused")
    asked.clear()
    scene.add_job("meanwhile", JobState.FAILED)
    changing.wait_for_timeout(5000)
    assert asked == []
    changing.evaluate("() => { window.away = false; document.dispatchEvent(new Event('visibilitychange')); }")
    expect(changing.get_by_role("link", name="meanwhile.mp4")).to_be_visible()
