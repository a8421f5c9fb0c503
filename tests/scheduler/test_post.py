from __future__ import annotations

import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
import trustme

from scheduler.addresses import Target
from scheduler.post import NotDeliveredError, post
from tests.scheduler.receiver import NAME, Receiver, serving

BODY = b'{"event": "job.done"}'


def send(port: int, path: str = "/done?x=1", host: str = NAME, seconds: float = 30.0) -> None:
    context = ssl.create_default_context()
    post(Target(host, port, path), ["127.0.0.1"], BODY, {"Gopfarm-Event": "job.done"}, context, seconds)


def test_the_body_arrives_with_the_name_that_was_asked_for(receiver: Receiver) -> None:
    send(receiver.server_port)
    (got,) = receiver.got
    assert (got.path, got.body) == ("/done?x=1", BODY)
    assert got.headers["Host"] == f"{NAME}:{receiver.server_port}"
    assert got.headers["Gopfarm-Event"] == "job.done"


def test_the_certificate_must_be_of_that_name(receiver: Receiver) -> None:
    with pytest.raises(NotDeliveredError, match="certificate is not trusted: Hostname mismatch"):
        send(receiver.server_port, host="other.example.com")
    assert receiver.got == []


def test_the_certificate_must_be_of_an_authority_that_is_trusted(receiver: Receiver) -> None:
    with (
        serving(Receiver(trustme.CA())) as stranger,
        pytest.raises(NotDeliveredError, match="certificate is not trusted"),
    ):
        send(stranger.server_port)
    assert stranger.got == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(receiver: Receiver, status: int) -> None:
    receiver.status, receiver.location = status, f"https://127.0.0.1:{receiver.server_port}/inner"
    with pytest.raises(NotDeliveredError, match=f"the receiver answered {status}"):
        send(receiver.server_port)
    assert [got.path for got in receiver.got] == ["/done?x=1"]


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_a_refused_webhook_is_not_delivered_and_sent_once(receiver: Receiver, status: int) -> None:
    receiver.status = status
    with pytest.raises(NotDeliveredError, match=f"the receiver answered {status}") as caught:
        send(receiver.server_port)
    assert not caught.value.gone
    assert len(receiver.got) == 1


def test_no_proxy_is_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        send(receiver.server_port)
    assert len(receiver.got) == 1


def test_a_receiver_that_is_not_there_is_an_undelivered_webhook() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NotDeliveredError, match="the connection was refused"):
        send(port)


def test_the_next_address_is_tried_where_the_first_takes_no_connection(receiver: Receiver) -> None:
    target = Target(NAME, receiver.server_port, "/")
    # 127.0.0.77 is this machine too, but the receiver does not listen there.
    post(target, ["127.0.0.77", "127.0.0.1"], BODY, {}, ssl.create_default_context())
    assert len(receiver.got) == 1


def test_a_receiver_that_never_answers_is_given_up(receiver: Receiver) -> None:
    receiver.held.clear()
    with pytest.raises(NotDeliveredError, match="no answer within 1 s"):
        send(receiver.server_port, seconds=1.0)


def test_one_that_never_shakes_hands_is_given_up() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(NotDeliveredError, match=r"no answer within 0\.5 s"),
    ):
        send(server.getsockname()[1], seconds=0.5)


def test_an_answer_that_trickles_for_ever_is_given_up(
    authority: trustme.CA, receiver: Receiver, tmp_path: Path
) -> None:
    """Each byte comes well within any timeout on reading: only a limit on the whole ends this."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(context)
    sent, ended = 0, threading.Event()

    def trickle(server: socket.socket) -> None:
        nonlocal sent
        raw, _ = server.accept()
        with context.wrap_socket(raw, server_side=True) as stream:
            try:
                while not ended.wait(0.05):
                    stream.sendall(b"H" if sent else b"HTTP/1.1 200 OK\r\nX: ")
                    sent += 1
            except OSError:
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=trickle, args=(server,))
        thread.start()
        started = time.monotonic()
        with pytest.raises(NotDeliveredError, match="no answer within 1 s"):
            send(server.getsockname()[1], seconds=1.0)
        assert time.monotonic() - started >= 1.0
        ended.set()
        thread.join()
    assert sent > 1
