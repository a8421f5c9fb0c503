"""Couriers at work on a real store, for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import redis

from gopfarm.settings import Settings
from gopfarm.spec import JobSpec
from gopfarm.store import TaskStore
from gopfarm.store.deliveries import DeliveryStore, DeliveryView
from scheduler.courier import Courier
from tests.scheduler.receiver import NAME, Names, Receiver

TTL_SECONDS = 1000


def settings_for(*receivers: Receiver, **others: object) -> Settings:
    hosts = [f"{NAME}:{receiver.server_port}" for receiver in receivers]
    hosts += [f"127.0.0.1:{receiver.server_port}" for receiver in receivers]
    fields = {"webhook_hosts": hosts, "webhook_private_addresses": True, "webhook_secret": "hush"}
    return Settings.model_validate(fields | others)


@contextmanager
def running(
    valkey: redis.Redis, settings: Settings, names: Names | None = None, lease_seconds: float = 30.0
) -> Iterator[Courier]:
    names = names or Names({NAME: [["127.0.0.1"]], "127.0.0.1": [["127.0.0.1"]]})
    courier = Courier(valkey, settings, names, lease_seconds)
    courier.start()
    try:
        yield courier
    finally:
        courier.stop()


def end_job(store: TaskStore, job_id: str, receiver: Receiver, path: str = "/hook?token=sesame") -> None:
    spec = JobSpec(
        source="s3://films/film.mp4",
        destination="s3://streams/film",
        webhook=f"https://{NAME}:{receiver.server_port}{path}",
    )
    assert store.create(job_id, spec)
    assert store.cancel(job_id)


def delivery(deliveries: DeliveryStore, delivery_id: str) -> DeliveryView:
    view = deliveries.delivery(delivery_id)
    assert view is not None
    return view


def in_state(deliveries: DeliveryStore, delivery_id: str, state: str) -> Callable[[], bool]:
    return lambda: delivery(deliveries, delivery_id).state == state
