"""The view of the farm: what it has, what it does, and what is wrong with it."""

from __future__ import annotations

import hashlib
import re
import time

import pytest
import redis
from playwright.sync_api import Page, expect

from gopfarm.settings import Settings
from gopfarm.store import JobState, keys
from tests.api.test_hub import write
from tests.browser.dashboard import Faults, Server, serving
from tests.browser.scene import GPU_QUEUE, Scene, plan_of_length, usual_scene
from tests.gopfarm.store.jobs import QUEUE

TOKEN = "gopfarm-test-token"

#: Longer than the view waits before it asks again, on a busy machine.
NEXT_LOOK_MS = 15_000


@pytest.fixture
def farm(still_page: Page, still: Server) -> Page:
    """The view of a farm that nobody changes."""
    return opened(still_page, still)


@pytest.fixture
def changing(page: Page, dashboard: Server, scene: Scene, faults: Faults) -> Page:
    """The view of a farm that a test changes."""
    usual_scene(scene)
    return opened(page, dashboard)


def opened(page: Page, server: Server) -> Page:
    page.goto(server.url)
    expect(page.get_by_text("slots busy at")).to_be_visible()
    return page


def test_slots_are_told_by_queue_and_by_pool(farm: Page) -> None:
    expect(farm.get_by_text("3 of 5 slots busy at 3 workers")).to_be_visible()
    queues = farm.get_by_role("table", name="Slots by queue")
    expect(queues.get_by_role("row").filter(has_text=QUEUE)).to_contain_text("3 of 4")
    meter = queues.get_by_role("meter", name=f"Busy slots, {QUEUE}")
    expect(meter).to_have_attribute("aria-valuetext", "3 of 4 busy, 1 idle")
    expect(queues.get_by_role("row").filter(has_text=GPU_QUEUE)).to_contain_text("0 of 1")
    pools = farm.get_by_role("table", name="Slots by pool").get_by_role("row")
    expect(pools.filter(has_text="h264_nvenc, libx264")).to_contain_text("0 of 1")
    expect(pools.filter(has_text=re.compile(rf"{QUEUE}libx264"))).to_contain_text("3 of 4")


def test_workers_are_listed_with_what_they_run(farm: Page) -> None:
    workers = farm.get_by_role("table", name="Workers")
    row = workers.get_by_role("row").filter(has_text="worker-1.farm")
    expect(row).to_contain_text("50 %")
    expect(row.get_by_role("link").first).to_have_attribute("href", "#/jobs/film")
    expect(row.get_by_role("progressbar").first).to_have_attribute("aria-valuenow", "50")
    expect(workers.get_by_role("row").filter(has_text="gpu-1.farm")).to_contain_text("0 of 1")


def test_schedulers_webhooks_and_jobs_are_counted(farm: Page) -> None:
    region = farm.get_by_role("region", name="Schedulers")
    expect(region.get_by_role("listitem").filter(has_text="scheduler-1")).to_contain_text("leads")
    expect(region.get_by_role("listitem").filter(has_text="scheduler-2")).not_to_contain_text("leads")
    expect(farm.get_by_role("region", name="Webhooks")).to_contain_text("0 waiting; 0 given up.")
    expect(
        farm.get_by_role("region", name="Jobs").get_by_role("listitem").filter(has_text="encoding")
    ).to_contain_text("1")
    farm.get_by_role("region", name="Jobs").get_by_role("link", name="queued").click()
    expect(farm.get_by_role("combobox", name="State")).to_have_value("queued")


def test_what_waits_is_told_with_the_time_until_it_is_done(farm: Page) -> None:
    row = farm.get_by_role("table", name="Slots by queue").get_by_role("row").filter(has_text=QUEUE)
    expect(row.get_by_role("cell").nth(2)).to_have_text(re.compile(r"\d+ (min|s)"))


def test_throughput_is_drawn_and_remembered_while_other_views_are_shown(farm: Page) -> None:
    line = farm.get_by_role("img", name=re.compile("^Tasks per minute: from"))
    expect(line.locator(".line")).to_have_attribute("d", re.compile("L"), timeout=NEXT_LOOK_MS)
    farm.get_by_role("link", name="Jobs", exact=True).click()
    expect(farm.get_by_role("heading", name="Jobs", exact=True).first).to_be_visible()
    farm.get_by_role("link", name="Farm", exact=True).click()
    expect(line.locator(".line")).to_have_attribute("d", re.compile("L"), timeout=500)


def test_hundreds_of_workers_are_listed_only_when_asked_for(
    page: Page, dashboard: Server, scene: Scene, faults: Faults
) -> None:
    scene.add_workers(300, {QUEUE: 2})
    page.goto(dashboard.url)
    summary = page.get_by_text("300 workers, 0 of them at work")
    expect(summary).to_be_visible()
    assert page.locator("tbody tr").count() < 10
    summary.click()
    expect(page.get_by_role("table", name="Workers").get_by_role("row")).to_have_count(301)


def test_trouble_is_told_in_words_and_taken_back(changing: Page, scene: Scene) -> None:
    alert = changing.get_by_role("alert")
    expect(alert).to_be_empty()
    scene.remove_workers()
    scene.remove_schedulers()
    expect(alert).to_contain_text("No scheduler is alive", timeout=NEXT_LOOK_MS)
    expect(alert).to_contain_text(f"No worker serves the queue {QUEUE}")
    expect(changing.get_by_text("never")).to_be_visible()
    scene.add_workers(1, {QUEUE: 1})
    expect(alert).not_to_contain_text("No worker serves", timeout=NEXT_LOOK_MS)


def test_given_up_webhooks_are_trouble(changing: Page, valkey: redis.Redis) -> None:
    valkey.zadd(keys.DEAD, {"film:1": time.time() + 60})
    expect(changing.get_by_role("alert")).to_contain_text("1 webhook was given up", timeout=NEXT_LOOK_MS)


def test_an_api_that_is_away_is_told_and_what_was_known_stays(
    page: Page, scene: Scene, valkey_url: str, faults: Faults
) -> None:
    usual_scene(scene)
    settings = Settings(redis_url=valkey_url)
    alert = page.get_by_role("alert")
    with serving(settings) as server:
        page.goto(server.url)
        expect(page.get_by_text("3 of 5 slots busy")).to_be_visible()
    expect(alert).to_contain_text("The API cannot be reached", timeout=NEXT_LOOK_MS)
    expect(page.get_by_text("3 of 5 slots busy")).to_be_visible()
    expect(page.locator("#link")).to_have_text("no answer")
    with serving(settings, server.port):
        expect(alert).to_be_empty(timeout=2 * NEXT_LOOK_MS)


def test_a_new_end_of_a_job_is_shown_at_once(changing: Page, scene: Scene) -> None:
    expect(changing.locator("#link")).to_have_text("live")
    queued = changing.get_by_role("region", name="Jobs").get_by_role("listitem").filter(has_text="queued")
    expect(queued).to_contain_text("2")
    scene.store.cancel("waits")
    expect(queued).to_contain_text("1", timeout=NEXT_LOOK_MS)


def test_events_without_a_pause_do_not_keep_the_view_from_what_is_new(
    changing: Page, valkey: redis.Redis
) -> None:
    expect(changing.locator("#link")).to_have_text("live")
    looks: list[str] = []
    changing.on(
        "request", lambda request: looks.append(request.url) if request.url.endswith("/farm") else None
    )
    for _ in range(80):
        if sum(url.endswith("/farm") for url in looks) >= 3:
            return
        write(valkey, 1)
        changing.wait_for_timeout(100)
    pytest.fail("the view shows what it knew before")


def tokens(*scopes: str) -> dict[str, dict[str, object]]:
    return {"ops": {"sha256": hashlib.sha256(TOKEN.encode()).hexdigest(), "scopes": list(scopes)}}


def test_a_token_is_asked_for_and_kept_out_of_every_address(
    page: Page, scene: Scene, valkey_url: str
) -> None:
    usual_scene(scene)
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    settings = Settings(redis_url=valkey_url, api_tokens=tokens("farm:read", "jobs:read"))
    with serving(settings) as server:
        page.goto(server.url)
        dialog = page.get_by_role("dialog", name="Token")
        expect(dialog).to_be_visible()
        expect(page.locator("#troubles")).to_be_empty()
        dialog.get_by_label("Access token").fill("wrong")
        dialog.get_by_role("button", name="Continue").click()
        expect(dialog.get_by_role("alert")).not_to_be_empty()
        dialog.get_by_label("Access token").fill(TOKEN)
        page.keyboard.press("Enter")
        expect(page.get_by_text("3 of 5 slots busy")).to_be_visible()
        expect(dialog).to_be_hidden()
        expect(page.get_by_role("alert").first).to_be_empty()
        page.reload()
        expect(page.get_by_text("3 of 5 slots busy")).to_be_visible()
        assert page.evaluate("document.cookie + JSON.stringify(localStorage)") == "{}"
        assert not [address for address in addresses if TOKEN in address or "wrong" in address]
        page.get_by_role("button", name="Forget token").click()
        expect(dialog).to_be_visible()
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Enter token").click()
        expect(dialog).to_be_visible()
        expect(page.get_by_role("alert").first).to_contain_text("wants a valid token")


def test_a_token_without_the_scope_is_told_so(page: Page, scene: Scene, valkey_url: str) -> None:
    scene.encode("film", plan_of_length(60))
    scene.add_job("broken", JobState.FAILED)
    with serving(Settings(redis_url=valkey_url, api_tokens=tokens("jobs:read"))) as server:
        page.add_init_script(f"sessionStorage.setItem('gopfarm-token', '{TOKEN}')")
        page.goto(server.url)
        expect(page.get_by_text("this token lacks the scope farm:read")).to_be_visible()
        page.goto(f"{server.url}#/jobs/film")
        cancel = page.get_by_role("button", name="Cancel")
        expect(cancel).to_have_attribute("aria-disabled", "true")
        expect(cancel).to_have_accessible_description("this token lacks the scope jobs:write")
        cancel.click(force=True)
        expect(page.get_by_role("dialog")).to_be_hidden()
