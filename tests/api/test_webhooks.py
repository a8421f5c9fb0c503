"""Webhooks over HTTP: which wait, which were given up, and sending one again."""

from __future__ import annotations

import httpx
import pytest
import redis

from gopfarm.store import JobState, TaskStore
from gopfarm.store.deliveries import DeliveryStore, Outcome
from tests.api.serving import problem
from tests.api.test_listing import make

WEBHOOKS = "/api/v1/webhooks"


@pytest.fixture
def dead(valkey: redis.Redis, store: TaskStore) -> str:
    """The id of a webhook that was given up; another one waits."""
    deliveries = DeliveryStore(valkey, 1000)
    make(store, "given-up", JobState.FAILED, webhook="https://hooks.example/x?token=abcdefghijk")
    (delivery,) = deliveries.claim(1, 60, 1, {})
    assert deliveries.settle(delivery, Outcome.DEAD, "HTTP 500")
    make(store, "waits", JobState.FAILED, webhook="https://hooks.example/x")
    return delivery.id


def ids(answer: httpx.Response) -> list[str]:
    return [webhook["id"] for webhook in answer.json()["webhooks"]]


def test_webhooks_are_listed_by_what_became_of_them(api: httpx.Client, dead: str) -> None:
    assert ids(api.get(WEBHOOKS)) == ids(api.get(WEBHOOKS, params={"state": "waiting"})) == ["waits:1"]
    given_up = api.get(WEBHOOKS, params={"state": "dead"})
    assert ids(given_up) == [dead]
    assert "abcdefghijk" not in given_up.text
    assert ids(api.get(WEBHOOKS, params={"job": "given-up"})) == [dead]
    assert ids(api.get(WEBHOOKS, params={"job": "given-up", "state": "waiting"})) == []
    problem(api.get(WEBHOOKS, params={"job": "none"}), 404, "not-found")


def test_one_that_was_given_up_is_sent_again(api: httpx.Client, valkey: redis.Redis, dead: str) -> None:
    before = api.get(f"{WEBHOOKS}/{dead}").json()
    assert (before["state"], before["tries"], before["error"]) == ("dead", 1, "HTTP 500")
    after = api.post(f"{WEBHOOKS}/{dead}/replay").json()
    assert (after["id"], after["state"]) == (dead, "waiting")
    assert dead in {delivery.id for delivery in DeliveryStore(valkey, 1000).claim(10, 60, 10, {})}


@pytest.mark.parametrize("webhook_id", ["none:1", "none", "a:b", "given-up:2"])
def test_a_webhook_that_does_not_exist_is_not_found(api: httpx.Client, dead: str, webhook_id: str) -> None:
    problem(api.get(f"{WEBHOOKS}/{webhook_id}"), 404, "not-found")
    problem(api.post(f"{WEBHOOKS}/{webhook_id}/replay"), 404, "not-found")
