"""Everybody can work with the dashboard: by keyboard, on a phone, in the dark, and with a screen reader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from gopfarm.store import JobState
from tests.browser.dashboard import Faults, Server
from tests.browser.scene import Scene, usual_scene

VIEWS = {"farm": "#/", "jobs": "#/jobs", "job": "#/jobs/film", "failed job": "#/jobs/broken"}
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture
def filled(dashboard: Server, scene: Scene) -> Server:
    usual_scene(scene)
    # A name without a place to break, as uploads have them.
    scene.add_job("long-name", JobState.QUEUED, source=f"s3://films/{'x' * 200}.mp4", tenant="t" * 60)
    return dashboard


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[DESK, PHONE], ids=["desk", "phone"])
def screen(request: pytest.FixtureRequest, browser: Browser, scheme: str) -> Iterator[Page]:
    context = browser.new_context(
        viewport=request.param, color_scheme=scheme, reduced_motion="reduce", has_touch=request.param is PHONE
    )
    yield context.new_page()
    context.close()


def opened(page: Page, server: Server, view: str) -> None:
    page.goto(server.url + VIEWS[view])
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("#link")).to_have_text("live")
    page.wait_for_function("document.querySelectorAll('tbody tr, dd').length > 0")


@pytest.mark.parametrize("view", VIEWS)
def test_an_automatic_check_finds_no_barrier(
    screen: Page, filled: Server, view: str, npm_packages: Path
) -> None:
    opened(screen, filled, view)
    screen.evaluate((npm_packages / "axe-core" / "axe.min.js").read_text())
    result: dict[str, Any] = screen.evaluate("(rules) => axe.run({ runOnly: rules })", RULES)
    found = [
        (violation["id"], node["html"], node["failureSummary"])
        for violation in result["violations"]
        for node in violation["nodes"]
    ]
    assert found == []


@pytest.mark.parametrize("view", VIEWS)
def test_no_view_scrolls_sideways(screen: Page, filled: Server, view: str) -> None:
    opened(screen, filled, view)
    assert screen.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    wider = screen.evaluate("""() => [...document.querySelectorAll("main *")]
        .filter((element) => !element.closest(".unseen, svg"))
        .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
        .map((element) => element.outerHTML.slice(0, 100))""")
    assert wider == []


def test_dark_mode_is_dark(browser: Browser, filled: Server) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        opened(page, filled, "farm")
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        context.close()
    light, dark = [[int(part) for part in ground[4:-1].split(",")] for ground in grounds]
    assert min(light) > 200
    assert max(dark) < 60


def test_nothing_moves_for_who_wants_no_motion(screen: Page, filled: Server) -> None:
    opened(screen, filled, "farm")
    moving = screen.evaluate("""() => [...document.querySelectorAll("*")]
        .filter((element) => getComputedStyle(element).transitionDuration !== "0s"
            || getComputedStyle(element).animationName !== "none").length""")
    assert moving == 0


def test_everything_is_reached_by_keyboard_and_shows_the_focus(
    page: Page, filled: Server, faults: Faults
) -> None:
    opened(page, filled, "job")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    assert page.evaluate("location.hash") == VIEWS["job"]
    wanted = page.evaluate("""() => {
        const kinds = "main a[href], main button, main [tabindex='0'], main summary";
        return [...document.querySelectorAll(kinds)].filter((element) => element.checkVisibility()).length;
    }""")
    outlines = set()
    for _ in range(wanted):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('main') !== null")
        outlines.add(page.evaluate("getComputedStyle(document.activeElement).outlineStyle"))
    assert outlines == {"solid"}


def test_another_view_gets_the_focus_and_a_title(page: Page, filled: Server, faults: Faults) -> None:
    opened(page, filled, "farm")
    page.get_by_role("link", name="Jobs", exact=True).press("Enter")
    expect(page).to_have_title("Jobs · gopfarm")
    expect(page.get_by_role("main")).to_be_focused()
    expect(page.get_by_role("link", name="Jobs", exact=True)).to_have_attribute("aria-current", "page")
    page.go_back()
    expect(page).to_have_title("Farm · gopfarm")


def test_states_differ_by_more_than_colour(page: Page, filled: Server) -> None:
    """Painted in one colour, the patterns of the map are still five."""
    opened(page, filled, "job")
    patterns = page.evaluate("""async () => {
        const { paintCell, prepared } = await import("/dashboard/paint.js");
        const { TASK_STATES, JOB_STATES } = await import("/dashboard/states.js");
        const ink = new Proxy({}, { get: () => "#000" });
        const painted = TASK_STATES.map((state) => {
            const canvas = document.createElement("canvas");
            paintCell(prepared(canvas, 8, 8), ink, state, { x: 0, y: 0, width: 6, height: 6 }, 0.5, false);
            return canvas.toDataURL();
        });
        const signs = Object.values(JOB_STATES).map(({ sign }) => sign);
        return [new Set(painted).size, TASK_STATES.length, new Set(signs).size];
    }""")
    assert patterns == [5, 5, 8]
