"""No secret comes out of a farm: not by logs, reports, webhooks or errors, nor in the list of processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dramatiq
import psutil
import pytest
import redis
import trustme
import yaml
from dramatiq.brokers.redis import RedisBroker

from encoders.demo import make_demo_clip
from gopfarm.errors import SpecError
from gopfarm.store import TaskStore, connect, keys
from tests.farm.processes import ROOT, Farm, gopfarm, until
from tests.farm.site import Site, serving_file
from tests.farm.test_distributed import SMALL, bucket, stored
from tests.scheduler.receiver import Receiver, serving, trust_file

#: What must not come out, by where it goes in. Each is found by its own word.
SECRETS = {
    "redis": "hush-redis-password",
    "s3": "hush-s3-secret-key",
    "s3-id": "HUSHS3KEYID0000",
    "s3-token": "hush-s3-session-token",
    "webhook": "hush-webhook-secret",
    "webhook-old": "hush-old-webhook-secret",
    "source": "hush-signature-of-source",
    "webhook-url": "hush-token-of-webhook",
    "userinfo": "hush-user-of-source",
}


def leaked(text: str | bytes) -> list[str]:
    """Name the secrets that are in a text."""
    whole = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return [name for name, secret in SECRETS.items() if secret in whole]


class Onlooker:
    """Looks at the command lines of processes and their offspring, and at the environment of children."""

    def __init__(self) -> None:
        self.seen: dict[str, set[str]] = {"command line": set(), "environment of a child": set()}
        self._ended = threading.Event()

    def look(self, process: psutil.Process) -> None:
        try:
            line = " ".join(process.cmdline())
            self.seen["command line"].add(line)
            if "gopfarm.child" in line:  # before, it is a copy of its parent, for a moment
                self.seen["environment of a child"].add(str(process.environ()))
        except psutil.Error:
            pass  # it has ended meanwhile

    def watch(self, pids: list[int]) -> None:
        while not self._ended.wait(0.02):
            for pid in pids:
                try:
                    role = psutil.Process(pid)
                    children = role.children(recursive=True)
                except psutil.Error:
                    continue
                self.look(role)
                for child in children:
                    self.look(child)

    @contextmanager
    def watching(self, pids: list[int]) -> Iterator[None]:
        thread = threading.Thread(target=self.watch, args=(pids,))
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch, s3: Any) -> None:
    """Processes started from here on know all the secrets that a process can be told."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", SECRETS["s3-id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRETS["s3"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", SECRETS["s3-token"])
    monkeypatch.setenv("GOPFARM_WEBHOOK_SECRET", f"{SECRETS['webhook']} {SECRETS['webhook-old']}")


@pytest.fixture
def guarded(valkey: redis.Redis, valkey_url: str) -> Iterator[str]:
    """Address of a Valkey that asks for a password, with the password in it."""
    valkey.config_set("requirepass", SECRETS["redis"])
    try:
        yield valkey_url.replace("unix://", f"unix://:{SECRETS['redis']}@")
    finally:
        valkey.config_set("requirepass", "")


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("short") / "short.mp4"
    make_demo_clip(path, 2)
    return path


def submit(url: str, document: object) -> str:
    message: dramatiq.Message[None] = dramatiq.Message(
        "jobs", "submit", args=(json.dumps(document),), kwargs={}, options={}
    )
    return RedisBroker(url=url).enqueue(message).message_id


def submissions(site: Site, receiver: Receiver, where: str) -> dict[str, dict[str, object]]:
    """One job that is done, and one for every way in which the farm could speak of a secret."""
    source = f"https://127.0.0.1:{site.server_port}/short.mp4?{site.query}"
    secret = SECRETS["source"]
    good = {
        "source": source,
        "destination": where,
        "profile": yaml.safe_load(SMALL.read_text()),
        "webhook": f"https://127.0.0.1:{receiver.server_port}/hook?token={SECRETS['webhook-url']}",
        "webhook_events": ["job.done", "job.failed", "job.progress"],
    }
    user = SECRETS["userinfo"]
    return {
        "good": good,
        "refused by its server": good | {"source": source.replace(secret, secret + "-wrong")},
        "unreachable": good | {"source": f"https://127.0.0.1:1/x.mp4?sig={secret}"},
        "not allowed": good | {"source": f"https://elsewhere.example/x.mp4?sig={secret}"},
        "with a user": good | {"source": source.replace("https://", f"https://u:{user}@")},
        "of no known form": good | {"source": f"ftp://u:{user}@a.example/x?sig={secret}"},
        "with a bad destination": good | {"destination": f"s3://u:{user}@bucket/x"},
        "not valid": good | {"priority": 99},
        "with an unknown field": good | {"colour": "red"},
        "with a webhook elsewhere": good
        | {"webhook": f"https://u:{user}@a.example/?{SECRETS['webhook-url']}"},
    }


def test_nothing_that_a_farm_shows_holds_a_secret(
    secrets: None, guarded: str, s3: Any, short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, name = trustme.CA(), bucket(s3)
    monkeypatch.setenv("SSL_CERT_FILE", str(trust_file(authority, tmp_path)))
    monkeypatch.setenv("GOPFARM_WEBHOOK_PRIVATE_ADDRESSES", "true")
    monkeypatch.setenv("GOPFARM_STORAGE_PATIENCE_SECONDS", "5")

    def log_of(role: str) -> str:
        return (tmp_path / f"{role}.log").read_text()

    query, onlooker = f"X-Amz-Signature={SECRETS['source']}", Onlooker()
    with serving(Receiver(authority)) as receiver, serving_file(authority, short, query) as site:
        monkeypatch.setenv("GOPFARM_SOURCE_HOSTS", f"127.0.0.1:{site.server_port},127.0.0.1:1")
        monkeypatch.setenv("GOPFARM_WEBHOOK_HOSTS", f"127.0.0.1:{receiver.server_port}")
        farm = Farm(guarded, tmp_path)
        farm.start("scheduler", "scheduler", "--log-level", "debug")
        farm.start("worker", "worker", "--slots", "1", "--grace", "0", "--log-level", "debug")
        with onlooker.watching([process.pid for process in farm.processes.values()]):
            wanted = submissions(site, receiver, f"s3://{name}/streams/short")
            jobs = {what: submit(guarded, document) for what, document in wanted.items()}
            until(lambda: "to be tried again" in log_of("scheduler"), "a source is out of reach")
            assert farm.run("cancel", jobs["unreachable"]).returncode == 0
            store = TaskStore(connect(guarded), 1000)

            def ended(job: str) -> bool:
                state = store.state(job)
                return state is not None and state.ended

            until(lambda: all(map(ended, jobs.values())), "all jobs have ended")
            ends = {"good": "done", "unreachable": "cancelled"}
            assert {what: store.state(job) for what, job in jobs.items()} == {
                what: ends.get(what, "failed") for what in wanted
            }
            told = {"job.done", "job.failed", "job.progress"}
            until(lambda: {got.document["event"] for got in receiver.got} == told, "webhooks have arrived")
            receiver.status = 500
            assert farm.run("webhooks", "replay", "--job", jobs["good"]).returncode == 0
            until(lambda: "answered 500" in log_of("scheduler"), "a try has failed")
        commands = [("list", "--json"), ("list",), ("status", jobs["refused by its server"])]
        commands += [("status", jobs["good"], "--json"), ("events", "--json"), ("webhooks", "list")]
        commands += [("webhooks", "list", "--job", jobs["good"], "--json")]
        shown = [f"{done.stdout}{done.stderr}" for done in (farm.run(*command) for command in commands)]
        assert {farm.stop(role) for role in list(farm.processes)} == {0}

    logs = {role: log_of(role) for role in ("scheduler", "worker")}
    assert "job failed" in logs["scheduler"]
    assert "task done" in logs["worker"]
    published = stored(s3, name)
    assert "streams/short/job.json" in published
    texts: dict[str, str | bytes] = {
        **{f"the log of the {role}": log for role, log in logs.items()},
        **{f"gopfarm {' '.join(command)}": text for command, text in zip(commands, shown, strict=True)},
        **{f"the webhook {got.headers['Gopfarm-Delivery']}": got.body for got in receiver.got},
        **{key: data for key, data in published.items() if key.endswith((".json", ".m3u8", ".mpd"))},
        **{f"a {what}: {text}": text for what, found in onlooker.seen.items() for text in found},
    }
    assert any("gopfarm.child" in text for text in onlooker.seen["command line"]), "it saw a child"
    assert onlooker.seen["environment of a child"]
    assert {where: found for where, text in texts.items() if (found := leaked(text))} == {}


def test_no_rejected_submission_is_kept_with_its_secrets(valkey: redis.Redis) -> None:
    document = json.dumps({"source": f"https://u:{SECRETS['userinfo']}@a.example/?sig={SECRETS['source']}"})
    TaskStore(valkey, 1000).reject("j", document, SpecError("no"))
    kept = valkey.hgetall(keys.job("j"))
    assert "a.example" in kept["rejected"]
    assert leaked(str(kept)) == []


def test_the_embedded_farm_shows_no_secret(secrets: None, short: Path, tmp_path: Path) -> None:
    onlooker = Onlooker()
    arguments = [sys.executable, "-m", "gopfarm", "transcode", str(short), str(tmp_path / "out")]
    with (
        subprocess.Popen(
            [*arguments, "--profile", str(SMALL), "--workers", "1"],
            cwd=ROOT,
            env=os.environ | {"GOPFARM_REDIS_URL": f"redis://:{SECRETS['redis']}@127.0.0.1:1/0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process,
        onlooker.watching([process.pid]),
    ):
        written, _ = process.communicate()
    assert process.returncode == 0, written
    lines = onlooker.seen["command line"]
    assert any("valkey-server" in line for line in lines)
    assert any("gopfarm.child" in line for line in lines)
    assert [line for line in lines if leaked(line)] == []
    report = (tmp_path / "out" / "job.json").read_text()
    assert leaked(written) + leaked(report) == []


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (("list",), {"GOPFARM_REDIS_URL": f"redis://:{SECRETS['redis']}@127.0.0.1:1/0"}),
        (("list",), {"GOPFARM_REDIS_URL": f"http://u:{SECRETS['redis']}@127.0.0.1:1/0"}),
        (("list",), {"GOPFARM_REDIS_URL": f"redis://:{SECRETS['redis']}/x@127.0.0.1:1/0"}),
        (("list",), {"GOPFARM_REDIS_URL": f"redis://127.0.0.1:1?password={SECRETS['redis']}&db=x"}),
        (
            ("worker", "--log-level", "debug"),
            {"GOPFARM_REDIS_URL": f"redis://:{SECRETS['redis']}@127.0.0.1:1"},
        ),
        (("list",), {"GOPFARM_LEASE_SECONDS": SECRETS["webhook"]}),
        (("probe", f"https://a.example/x.mp4?sig={SECRETS['source']}"), {}),
        (("probe", f"HTTPS://u:{SECRETS['userinfo']}@a.example/x.mp4?{SECRETS['source']}"), {}),
        (
            ("probe", f"https://127.0.0.1:1/x.mp4?sig={SECRETS['source']}"),
            {"GOPFARM_SOURCE_HOSTS": "127.0.0.1:1"},
        ),
        (
            ("probe", "s3://bucket/x.mp4"),
            {"AWS_ENDPOINT_URL_S3": f"http://u:{SECRETS['s3']}@127.0.0.1:1", "AWS_ACCESS_KEY_ID": "x"},
        ),
        (
            ("probe", "s3://bucket/x.mp4"),
            {"AWS_ENDPOINT_URL_S3": f"nonsense://u:{SECRETS['s3']}@", "AWS_SECRET_ACCESS_KEY": "x"},
        ),
    ],
)
def test_no_error_message_holds_a_secret(arguments: tuple[str, ...], environment: dict[str, str]) -> None:
    for form in ((), ("--json",)):
        done = gopfarm(*arguments, *form, **environment)
        assert done.returncode in (2, 3), done.stderr
        assert "Traceback" not in done.stderr
        assert leaked(done.stdout + done.stderr) == []
