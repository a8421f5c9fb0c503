"""Runs whose source and destination are in S3, behind a proxy that breaks requests."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3

from tests.chaos.places import Bucket
from tests.chaos.scene import Scene, Storage

#: Answers and broken connections that storage gives on bad days, and that pass.
_ANSWERS = ("internal-error", "slow-down", "request-timeout")
_BROKEN = ("reset", "reset-upload", "reset-answer", "truncate")

#: Nobody listens at all.
_REFUSE = "refuse"

#: What the server asks of its clients.
_LOGIN = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


@contextmanager
def behind_a_proxy(_: Path, film: Path) -> Iterator[Storage]:
    """Start an S3 server with the film in it, and a proxy through which the farm reaches it."""
    from moto.server import ThreadedMotoServer

    from tests.faults.proxy import FaultProxy

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request is too much
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.Session().client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=_LOGIN["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=_LOGIN["AWS_SECRET_ACCESS_KEY"],
        region_name=_LOGIN["AWS_DEFAULT_REGION"],
    )
    name = f"chaos-{uuid.uuid4().hex[:8]}"
    client.create_bucket(Bucket=name)
    client.upload_file(str(film), name, "film.mp4")
    try:
        with FaultProxy(url) as proxy:
            yield Storage(
                place=lambda job: Bucket(client, name, job),
                source=f"s3://{name}/film.mp4",
                environment={"AWS_ENDPOINT_URL_S3": proxy.url} | _LOGIN,
                proxy=proxy,
            )
    finally:
        server.stop()


def break_s3(scene: Scene) -> None:
    """For some seconds every request to storage meets a fault, or nobody listens at all."""
    scene.at_a_random_moment()
    fault = scene.rng.choice((*_ANSWERS, *_BROKEN, _REFUSE))
    seconds = scene.rng.uniform(2, 6)
    scene.hit("break_s3", fault)
    if fault == _REFUSE:
        scene.storage.proxy.refuse(seconds)
    else:
        scene.storage.proxy.add(fault, seconds=seconds)
    scene.sleep(seconds)
    scene.healed()
