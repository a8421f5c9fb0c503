"""The commands that operators use on webhooks and events, against a real store."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from click.testing import CliRunner, Result

from cli.events import events as events_command
from cli.main import cli
from gopfarm.errors import FarmError
from gopfarm.settings import get_settings
from gopfarm.spec import JobSpec
from gopfarm.store import TaskStore
from gopfarm.store.deliveries import Delivery, DeliveryStore, Outcome

SPEC = JobSpec(
    source="s3://films/film.mp4",
    destination="s3://streams/film",
    webhook="https://hooks.example.com/x?token=sesame",
)


pytestmark = pytest.mark.usefixtures("redis_of_commands")


@pytest.fixture
def store(valkey: redis.Redis) -> DeliveryStore:
    """One delivery waits after a failed try (w:1), one is dead (d:1), one was made (m:1)."""
    jobs, store = TaskStore(valkey, 1000), DeliveryStore(valkey, 1000)
    for job in ("w", "d", "m"):
        assert jobs.create(job, SPEC)
        assert jobs.fail(job, FarmError("no"))
    claimed: dict[str, Delivery] = {delivery.job: delivery for delivery in store.claim(3, 30, 3, {})}
    assert store.settle(claimed["w"], Outcome.RETRY, "the receiver answered 503", 1000)
    assert store.settle(claimed["d"], Outcome.DEAD, "the receiver answered 410")
    assert store.settle(claimed["m"], Outcome.DELIVERED)
    return store


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def output(*arguments: str) -> Any:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def test_waiting_and_dead_webhooks_are_listed_with_the_last_error(store: DeliveryStore) -> None:
    (waiting,) = output("webhooks", "list")
    assert (waiting["id"], waiting["state"], waiting["tries"]) == ("w:1", "waiting", 1)
    assert waiting["error"] == "the receiver answered 503"
    (dead,) = output("webhooks", "list", "--dead")
    assert (dead["id"], dead["host"], dead["due"]) == ("d:1", "hooks.example.com", None)
    (made,) = output("webhooks", "list", "--job", "m")
    assert made["state"] == "delivered"
    lines = run("webhooks", "list", "--dead").output.splitlines()
    assert lines[0].split()[:2] == ["id", "event"]
    assert lines[1].endswith("the receiver answered 410")
    assert "sesame" not in str([waiting, dead, made, lines])


def test_one_webhook_is_shown(store: DeliveryStore) -> None:
    assert output("webhooks", "show", "d:1")["event"] == "job.failed"
    shown = run("webhooks", "show", "w:1").output
    assert "last error   the receiver answered 503" in shown
    assert "next try     in 16:" in shown


@pytest.mark.parametrize(
    ("arguments", "replayed"),
    [(("d:1",), ["d:1"]), (("--all-dead",), ["d:1"]), (("--job", "m"), ["m:1"]), (("w:1",), ["w:1"])],
)
def test_webhooks_are_replayed(store: DeliveryStore, arguments: tuple[str, ...], replayed: list[str]) -> None:
    assert output("webhooks", "replay", *arguments) == {"replayed": replayed}
    assert [(delivery.id, delivery.attempt) for delivery in store.claim(9, 30, 9, {})] == [(replayed[0], 1)]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("webhooks", "show", "x:1"), "there is no webhook x:1"),
        (("webhooks", "replay", "x:1"), "there is no webhook x:1"),
        (("webhooks", "replay", "--job", "x"), "no webhooks of a job x are remembered"),
        (("webhooks", "replay"), "name one"),
        (("webhooks", "replay", "d:1", "--all-dead"), "name one"),
        (("events", "--since", "yesterday"), "--since: the id of an event is"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    store: DeliveryStore, arguments: tuple[str, ...], reason: str
) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert reason in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_redis_that_is_away_is_exit_code_3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOPFARM_REDIS_URL", "redis://127.0.0.1:1/0")
    get_settings.cache_clear()
    for arguments in (("webhooks", "list"), ("webhooks", "replay", "--all-dead"), ("events",)):
        assert run(*arguments).exit_code == 3


def test_events_are_shown_from_where_one_left_off(store: DeliveryStore) -> None:
    lines = [json.loads(line) for line in run("events", "--json").output.splitlines()]
    assert [(line["job"], line["event"], line["number"]) for line in lines] == [
        (job, "job.failed", 1) for job in ("w", "d", "m")
    ]
    rest = run("events", "--json", "--since", lines[0]["id"]).output.splitlines()
    assert [json.loads(line) for line in rest] == lines[1:]
    assert len(run("events", "--job", "d").output.splitlines()) == 1
    assert run("events", "--job", "d").output.endswith(f"d  default  {lines[1]['id']}\n")


def test_following_shows_what_happens_meanwhile_once(
    store: DeliveryStore, valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = iter(["x", "y", None])

    def sleep(_: float) -> None:
        job = next(rounds)
        if job is None:
            raise KeyboardInterrupt
        jobs = TaskStore(valkey, 1000)
        assert jobs.create(job, SPEC)
        assert jobs.cancel(job)

    monkeypatch.setattr("cli.events.time", SimpleNamespace(sleep=sleep))
    done = CliRunner().invoke(events_command, ["--follow", "--json"])
    assert done.exit_code == 130
    assert [json.loads(line)["job"] for line in done.output.splitlines()] == ["w", "d", "m", "x", "y"]
