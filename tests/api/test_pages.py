"""The files of the dashboard: which are served, with which headers, and that they keep to what these say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api import pages

FILES = sorted(path for path in pages.FOLDER.iterdir() if path.is_file())
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
LONGEST_MODULE = 300


@pytest.fixture(scope="module")
def client() -> TestClient:
    app = FastAPI()
    app.include_router(pages.router)
    return TestClient(app)


def test_the_page_is_served_at_the_root_without_any_token(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<main" in answer.text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_served_with_a_strict_policy(client: TestClient, path: Path) -> None:
    answer = client.get("/" if path.name == pages.INDEX else f"/dashboard/{path.name}")
    assert answer.content == path.read_bytes()
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"


def test_what_has_not_changed_is_not_sent_again(client: TestClient) -> None:
    etag = client.get("/").headers["etag"]
    answer = client.get("/", headers={"If-None-Match": etag})
    assert (answer.status_code, answer.content) == (304, b"")
    assert client.get("/", headers={"If-None-Match": '"older"'}).status_code == 200


@pytest.mark.parametrize(
    "name", ["../player.html", "..%2fplayer.js", "%2e%2e/player.js", "nothing.js", "a/b"]
)
def test_nothing_else_can_be_had(client: TestClient, name: str) -> None:
    assert client.get(f"/dashboard/{name}").status_code == 404


def test_the_page_has_no_script_or_style_of_its_own() -> None:
    """The policy forbids them, and a browser would leave them out without a word to the user."""
    page = (pages.FOLDER / pages.INDEX).read_text()
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle=|\son\w+=", page) == []
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_modules_are_short_and_never_make_markup_of_text(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST_MODULE
    markup = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function"
    assert re.findall(markup, text) == []


def test_every_module_that_is_imported_is_there() -> None:
    names = {path.name for path in FILES}
    for path in SCRIPTS:
        assert set(re.findall(r"""(?:from|import\()\s*"\./([^"]+)\"""", path.read_text())) <= names, path.name
