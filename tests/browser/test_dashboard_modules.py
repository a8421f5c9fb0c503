"""Arithmetic and words of the dashboard, asked in the browser that runs them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.dashboard import Server


@pytest.fixture
def module(page: Page, dashboard: Server) -> Page:
    """A page from which the modules can be imported."""
    page.goto(f"{dashboard.url}#/jobs")
    return page


def test_durations_read_well(module: Page) -> None:
    seconds = [0, 0.84, 9.94, 42, 59.4, 59.6, 60, 250, 3599.4, 7500, 86_400, 273_600, None]
    words = module.evaluate(
        """async (all) => {
            const { duration } = await import("/dashboard/words.js");
            return all.map(duration);
        }""",
        seconds,
    )
    assert words == [
        *("0.0 s", "0.8 s", "9.9 s", "42 s", "59 s", "1 min", "1 min", "4 min 10 s", "59 min 59 s"),
        *("2 h 5 min", "1 d", "3 d 4 h", "\u2013"),
    ]


def test_no_bits_are_a_figure_and_none_known_a_dash(module: Page) -> None:
    words = module.evaluate(
        """async (all) => {
            const { rate } = await import("/dashboard/words.js");
            return all.map(rate);
        }""",
        [0, 400_000, 2_000_000, None],
    )
    assert words == ["0", "400 kb/s", "2.0 Mb/s", "\u2013"]


@pytest.mark.parametrize(
    ("width", "chunks", "rows"), [(1100, 12, 4), (1100, 3100, 6), (300, 5000, 3), (320, 1, 1)]
)
def test_every_cell_of_a_map_lies_inside_it_and_is_found_where_it_is_painted(
    module: Page, width: int, chunks: int, rows: int
) -> None:
    wrong = module.evaluate(
        """async ([width, chunks, rows]) => {
            const { cellAt, gridOf, placeOf } = await import("/dashboard/chunkgrid.js");
            const grid = gridOf(width, chunks, rows, 60);
            const wrong = [];
            for (let chunk = 0; chunk < chunks; chunk += 1) {
                for (let row = 0; row < rows; row += 1) {
                    const { x, y } = placeOf(grid, chunk, row);
                    const found = cellAt(grid, x + grid.cell / 2, y + grid.row / 2);
                    const inside = x >= 60 && x + grid.cell <= width && y + grid.row <= grid.height;
                    if (!inside || found?.chunk !== chunk || found?.row !== row) wrong.push([chunk, row]);
                }
            }
            return wrong;
        }""",
        [width, chunks, rows],
    )
    assert wrong == []


def test_events_are_read_however_the_network_cuts_them(module: Page) -> None:
    first = ': heartbeat\n\nid: 1-0\nevent: job.done\ndata: {"job":"\u00fc"}\n\n'
    stream = first + "id: 2-0\r\ndata: a\r\ndata: b\r\n\r\n"
    read = module.evaluate(
        """async (stream) => {
            const { eventsOf } = await import("/dashboard/live.js");
            const bytes = new TextEncoder().encode(stream);
            const results = new Set();
            for (const size of [1, 2, 3, 7, 1000]) {
                const body = new ReadableStream({ start(control) {
                    for (let at = 0; at < bytes.length; at += size) {
                        control.enqueue(bytes.slice(at, at + size));
                    }
                    control.close();
                } });
                const found = [];
                for await (const event of eventsOf(body)) found.push(event);
                results.add(JSON.stringify(found));
            }
            return [...results].map(JSON.parse);
        }""",
        stream,
    )
    assert read == [[{"id": "1-0", "data": '{"job":"\u00fc"}'}, {"id": "2-0", "data": "a\nb"}]]


def test_a_map_of_a_job_that_is_done_is_made_from_its_report(module: Page) -> None:
    report = {
        "ladder": [
            {"planned": {"name": "360p", "width": 640, "height": 360}},
            {"planned": {"name": "720p", "width": 1280, "height": 720}},
            {"planned": {"name": "audio-en-0", "channels": 2}},
        ],
        "tasks": [
            {"id": name, "kind": name.partition("-")[0], "attempts": 1, "cpu_seconds": 1, "wall_seconds": 2}
            for name in ("audio-0", "video-00000-r0", "video-00000-r1", "video-00001")
        ],
    }
    model = module.evaluate(
        """async (report) => {
            const { modelOf, tasksOf } = await import("/dashboard/chunkmodel.js");
            const { rows, cells, tracks } = modelOf(tasksOf(report));
            return { rows, cells: [...cells], tracks: tracks.map(({ renditions }) => renditions) };
        }""",
        report,
    )
    assert model == {"rows": ["720p", "360p"], "cells": [1, 2, 3, 3], "tracks": [["audio-en-0"]]}


def test_each_state_of_a_job_lasts_until_the_next_one(module: Page) -> None:
    steps = module.evaluate("""async () => {
        const { stepsOf } = await import("/dashboard/timeline.js");
        const times = { queued: 100, probing: 101, planning: 103, encoding: 104, playable: 110 };
        const steps = stepsOf({ state: "encoding", times }, 124);
        return steps.map(({ name, seconds, now }) => [name, seconds, now]);
    }""")
    assert steps == [
        ["queued", 1, False],
        ["probing", 2, False],
        ["planning", 1, False],
        ["encoding", 20, True],
        ["playable", None, False],
    ]


def test_every_trouble_has_words(module: Page) -> None:
    farm = {
        "schedulers": [{"id": "s", "leads": False}],
        "slots": {
            "encode.cpu": {"total": 0, "busy": 0, "waiting": 0, "backlog_slot_seconds": 90},
            "encode.cuda": {"total": 0, "busy": 0, "waiting": 0, "backlog_slot_seconds": 0},
        },
        "webhooks": {"waiting": 1, "dead": 2, "oldest_seconds": 3},
    }
    words = module.evaluate(
        """async (farm) => (await import("/dashboard/watch.js")).troublesOf(farm)""",
        farm,
    )
    assert [text.split(":")[0] for text in words] == [
        "No scheduler leads at the moment",
        "No worker serves the queue encode.cpu, for which there is work (1 min 30 s of work).",
        "2 webhooks were given up",
    ]
