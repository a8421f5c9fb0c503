from __future__ import annotations

import json
import logging
import threading

import pytest
import structlog

from gopfarm.log import configure_logging, get_logger, log_bug

HUSH = "correct-horse-7"


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", HUSH)


@pytest.fixture(params=["json", "console"])
def as_json(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "json")


def fail() -> None:
    raise ValueError(f"no such key {HUSH} at https://u:{HUSH}@a.example/x?sig=sesame")


def test_no_secret_leaves_by_a_line_of_ours(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    configure_logging("debug", json=as_json)
    log = structlog.get_logger("gopfarm.test")
    log.debug(f"asked {HUSH}", url="https://a.example/x?sig=sesame", lines=[HUSH, ("sesame?", HUSH)], n=1)
    log.info(
        "fields", nested={"a": {"webhook_secret": "sesame"}, HUSH: 1}, token="sesame", why=ValueError(HUSH)
    )
    written = capsys.readouterr().err
    assert "asked ***" in written
    assert HUSH not in written
    assert "sesame" not in written.replace("sesame?", "")


def test_no_secret_leaves_by_a_traceback(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    configure_logging("debug", json=as_json)
    try:
        fail()
    except ValueError:
        get_logger("gopfarm.test").exception("a bug")
        logging.getLogger("some.library").exception("its bug")
        log_bug("another")
    written = capsys.readouterr().err
    assert written.count("Traceback (most recent call last)") == 3
    assert written.count("ValueError: no such key *** at https://***@a.example/x?***") == 3
    assert HUSH not in written
    assert "sesame" not in written


def test_no_secret_leaves_by_a_line_of_a_library(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    configure_logging("debug", json=as_json)
    logging.getLogger("some.library").warning("GET %s with %s", "/x?sig=sesame", HUSH)
    written = capsys.readouterr().err
    assert "GET /x?*** with ***" in written


def test_lines_stay_valid_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", json=True)
    structlog.get_logger("x").info('"https://a.example/x?a="b\\', path='C:\\x?y="1', n=2, none=None, yes=True)
    line = json.loads(capsys.readouterr().err)
    assert (line["n"], line["none"], line["yes"], line["level"]) == (2, None, True, "info")


def test_what_a_library_asks_for_again_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("debug", json=True)
    logging.getLogger("urllib3.connectionpool").warning("Retrying after %s: %s", "reset", "/x?sesame")
    assert capsys.readouterr().err == ""


def test_a_bug_before_the_logs_are_set_up_is_logged_without_local_variables(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logging.getLogger().handlers = []
    local = HUSH
    try:
        fail()
    except ValueError:
        log_bug("a bug")
    written = capsys.readouterr()
    assert "no such key ***" in written.err
    assert local not in written.err + written.out


def test_a_thread_that_dies_of_a_bug_goes_through_the_log(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cli.main import _thread_died

    monkeypatch.setattr(threading, "excepthook", _thread_died)
    configure_logging("error", json=True)
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    line = json.loads(capsys.readouterr().err)
    assert line["event"] == "a thread was ended by a bug"
    assert "no such key ***" in line["exception"]
