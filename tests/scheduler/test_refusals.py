"""Where no webhook is sent to: hosts that are not allowed, inner addresses, receivers not to be trusted."""

from __future__ import annotations

import redis
import trustme

from gopfarm.settings import Settings
from gopfarm.store import TaskStore, keys
from gopfarm.store.deliveries import DeliveryStore
from tests.farm.processes import until
from tests.scheduler.couriers import delivery, end_job, in_state, running, settings_for
from tests.scheduler.receiver import NAME, Names, Receiver, serving


def refused(
    valkey: redis.Redis, deliveries: DeliveryStore, settings: Settings, names: Names | None = None
) -> str:
    with running(valkey, settings, names):
        until(in_state(deliveries, "j:1", "dead"), "it is given up")
    view = delivery(deliveries, "j:1")
    assert view.tries == 1, "another try would be pointless"
    assert view.error is not None
    return view.error


def test_inner_addresses_are_refused_unless_the_operator_opens_them(
    valkey: redis.Redis, store: TaskStore, deliveries: DeliveryStore, receiver: Receiver
) -> None:
    end_job(store, "j", receiver)
    closed = settings_for(receiver, webhook_private_addresses=False)
    assert "a loopback address" in refused(valkey, deliveries, closed)
    assert receiver.got == []


def test_a_host_that_is_not_allowed_any_more_is_refused(
    valkey: redis.Redis, store: TaskStore, deliveries: DeliveryStore, receiver: Receiver
) -> None:
    end_job(store, "j", receiver)
    error = refused(valkey, deliveries, settings_for(receiver, webhook_hosts=["elsewhere.example.com"]))
    assert "not allowed" in error
    assert "sesame" not in error
    assert receiver.got == []


def test_a_job_that_is_forgotten_is_told_no_more(
    valkey: redis.Redis, store: TaskStore, deliveries: DeliveryStore, receiver: Receiver
) -> None:
    end_job(store, "j", receiver)
    valkey.delete(keys.job("j"))
    assert "job j is not remembered any more" in refused(valkey, deliveries, settings_for(receiver))


def test_a_name_that_changes_its_address_after_the_check_leads_nowhere_else(
    valkey: redis.Redis,
    store: TaskStore,
    deliveries: DeliveryStore,
    receiver: Receiver,
    authority: trustme.CA,
) -> None:
    """DNS rebinding: whoever resolves a second time gets the inner address, where a server waits."""
    with serving(Receiver(authority, "127.0.0.2", receiver.server_port)) as inner:
        names = Names({NAME: [["127.0.0.1"], ["127.0.0.2"]]})
        end_job(store, "j", receiver)
        with running(valkey, settings_for(receiver), names):
            until(in_state(deliveries, "j:1", "delivered"), "it is delivered")
        assert (len(receiver.got), len(inner.got)) == (1, 0)
        assert names.asked == [NAME]


def test_a_public_name_that_turns_to_an_inner_address_is_refused_then(
    valkey: redis.Redis, store: TaskStore, deliveries: DeliveryStore, receiver: Receiver
) -> None:
    names = Names({NAME: [["169.254.169.254"]]})
    end_job(store, "j", receiver)
    assert "a link-local address" in refused(valkey, deliveries, settings_for(receiver), names)


def test_the_authority_of_the_receiver_is_the_one_the_process_trusts(
    valkey: redis.Redis, store: TaskStore, deliveries: DeliveryStore, receiver: Receiver
) -> None:
    with serving(Receiver(trustme.CA())) as stranger:
        end_job(store, "j", stranger)
        with running(valkey, settings_for(stranger)):
            until(lambda: delivery(deliveries, "j:1").error, "the first try has failed")
    assert "certificate is not trusted" in (delivery(deliveries, "j:1").error or "")
    assert stranger.got == []
