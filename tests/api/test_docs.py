"""docs/api.md tells of every route, scope and problem, and its examples work."""

from __future__ import annotations

import argparse
import contextlib
import re
import shlex
from pathlib import Path

import httpx
import pytest

from api.problems import KINDS
from gopfarm.store import JobState, TaskStore
from gopfarm.tokens import SCOPES
from tests.api.test_auth import OPERATIONS
from tests.api.test_listing import make

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
#: A body goes on over lines until its quote ends.
CALL = re.compile(r"^curl [^'\n]*(?:'[^']*'[^'\n]*)*$", re.MULTILINE)
CALLS = [call for block in BLOCKS for call in CALL.findall(block)]


#: The options of curl that examples use.
CURL = argparse.ArgumentParser()
CURL.add_argument("url")
CURL.add_argument("-H", action="append", default=[])
for name in ("-X", "-d"):
    CURL.add_argument(name)
for name in ("-s", "-i", "-N"):
    CURL.add_argument(name, action="store_true")


def rows() -> dict[str, str]:
    """Return the second cell of each table row that begins with code."""
    return dict(re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", PAGE, re.MULTILINE))


def test_every_problem_and_scope_has_a_row() -> None:
    told = rows()
    assert {kind.name: str(kind.status) for kind in KINDS}.items() <= told.items()
    assert set(SCOPES) <= set(told)


def test_every_route_has_an_example() -> None:
    shown = " ".join(CALLS)
    for _, path, _ in OPERATIONS:
        path = path.removeprefix("/api/v1").replace("{job_id}", "$JOB").replace("{webhook_id}", "$JOB:1")
        assert path.replace("{path}", "master.m3u8") in shown, path


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.splitlines()[0].partition("  ")[0])
def test_an_example_is_understood(api: httpx.Client, store: TaskStore, call: str) -> None:
    make(store, "job", JobState.QUEUED, webhook="https://hooks.example/")
    for number in range(3):
        make(store, f"older-{number}")
    cursor = api.get("/api/v1/jobs", params={"limit": 1}).json()["next"]
    words = call.replace("$API", "/api/v1").replace("$JOB", "job").replace("$NEXT", cursor)
    asked = CURL.parse_args(shlex.split(words.replace("$auth", "Accept: */*"), comments=True)[1:])
    request = api.build_request(
        asked.X or ("POST" if asked.d else "GET"),
        asked.url.removeprefix("localhost:8080"),
        headers=dict(header.split(": ") for header in asked.H),
        content=asked.d,
    )
    with contextlib.closing(api.send(request, stream=True)) as answer:  # streams of events go on for ever
        # What has not happened to this job (a report, a retry) is a 404 or 409.
        assert answer.status_code in (200, 202, 404, 409), answer.read()
