"""Everybody can work with the dashboard: by keyboard, on a phone, in the dark, and with a screen reader."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.dashboard import Faults, Server

Scheme = Literal["light", "dark"]

VIEWS = {"farm": "#/", "jobs": "#/jobs", "job": "#/jobs/film", "failed job": "#/jobs/broken"}
PHONE: ViewportSize = {"width": 360, "height": 740}
DESK: ViewportSize = {"width": 1280, "height": 900}
SCREENS: list[tuple[ViewportSize, Scheme]] = [(DESK, "light"), (DESK, "dark"), (PHONE, "light")]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture
def open_screen(browser: Browser) -> Iterator[Callable[[ViewportSize, Scheme], Page]]:
    """Opens pages on screens of some size, in a colour scheme, for somebody who wants no motion."""
    with ExitStack() as contexts:

        def open_page(size: ViewportSize, scheme: Scheme) -> Page:
            context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
            contexts.callback(context.close)
            return context.new_page()

        yield open_page


def opened(page: Page, server: Server, view: str) -> None:
    page.goto(server.url + VIEWS[view])
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("#link")).to_have_text("live")
    expect(page.locator("tbody tr, dd").first).to_be_attached()


@pytest.mark.parametrize(("size", "scheme"), SCREENS, ids=["desk", "dark", "phone"])
def test_an_automatic_check_finds_no_barrier_in_any_view(
    open_screen: Callable[[ViewportSize, Scheme], Page],
    still: Server,
    npm_packages: Path,
    size: ViewportSize,
    scheme: Scheme,
) -> None:
    page = open_screen(size, scheme)
    axe = (npm_packages / "axe-core" / "axe.min.js").read_text()
    opened(page, still, "farm")
    page.evaluate(axe)
    found = []
    for view in VIEWS:
        opened(page, still, view)
        result: dict[str, Any] = page.evaluate("(rules) => axe.run({ runOnly: rules })", RULES)
        found += [
            (view, violation["id"], node["html"], node["failureSummary"])
            for violation in result["violations"]
            for node in violation["nodes"]
        ]
    assert found == []


def test_no_view_scrolls_sideways_on_a_phone(
    open_screen: Callable[[ViewportSize, Scheme], Page], still: Server
) -> None:
    page = open_screen(PHONE, "light")
    for view in VIEWS:
        opened(page, still, view)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), view
        wider = page.evaluate("""() => [...document.querySelectorAll("main *")]
            .filter((element) => !element.closest(".unseen, svg"))
            .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
            .map((element) => element.outerHTML.slice(0, 100))""")
        assert wider == [], view


def test_dark_mode_is_dark_and_nothing_moves_for_who_wants_no_motion(
    open_screen: Callable[[ViewportSize, Scheme], Page], still: Server
) -> None:
    page = open_screen(DESK, "dark")
    opened(page, still, "farm")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", ground))) < 60
    moving = page.evaluate("""() => [...document.querySelectorAll("*")]
        .filter((element) => getComputedStyle(element).transitionDuration !== "0s"
            || getComputedStyle(element).animationName !== "none").length""")
    assert moving == 0


def test_everything_is_reached_by_keyboard_and_shows_the_focus(
    page: Page, still: Server, faults: Faults
) -> None:
    opened(page, still, "job")
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


def test_another_view_gets_the_focus_and_a_title(page: Page, still: Server, faults: Faults) -> None:
    opened(page, still, "farm")
    page.get_by_role("link", name="Jobs", exact=True).press("Enter")
    expect(page).to_have_title("Jobs · gopfarm")
    expect(page.get_by_role("main")).to_be_focused()
    expect(page.get_by_role("link", name="Jobs", exact=True)).to_have_attribute("aria-current", "page")
    page.go_back()
    expect(page).to_have_title("Farm · gopfarm")


def test_states_differ_by_more_than_colour(page: Page, still: Server) -> None:
    """Painted in one colour, the patterns of the map are still five."""
    opened(page, still, "job")
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
