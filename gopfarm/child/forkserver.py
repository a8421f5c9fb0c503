"""The fork server as its parent sees it: one process, started when it is first needed, that forks children.

A child that is forked from a process which has loaded everything starts in milliseconds; starting Python anew
costs a good part of a second of processor time each. The fork server has one thread, sees neither media nor
credentials, and cannot outlive its parent. If it dies, the next request starts another.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from gopfarm.child.limits import Limits
from gopfarm.child.sandbox import Layer, forbid_inspection
from gopfarm.child.words import LastWords
from gopfarm.errors import EncodeError, SpecError
from gopfarm.log import get_logger

log = get_logger(__name__)

#: Variables that a child may see: none that could hold a secret.
ENVIRONMENT: Final = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")

#: Libraries that would start threads when they are loaded are told not to: only a process of one thread can
#: be forked safely.
_ONE_THREAD: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

#: Seconds that a fork server gets to start. It loads little by then, but a machine may be busy.
_START_SECONDS: Final = 60.0

#: Seconds that it gets to end when it is not needed any more.
_STOP_SECONDS: Final = 5.0

#: Longest message that it sends.
_MESSAGE_BYTES: Final = 65536


class ForkServer:
    """The fork server of this process. May be used by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._layers: tuple[Layer, ...] | None = None
        self._owner: threading.Thread | None = None

    def prepare(self, target: str) -> None:
        """Have what a target needs loaded, and do not wait for it: the first child of it will start sooner.

        Raises:
            EncodeError: No fork server can be started.
        """
        # One that dies of it is noticed when a child is wanted.
        with self._lock, contextlib.suppress(OSError):
            self._ensure().send(json.dumps([target]).encode())

    def layers(self) -> tuple[Layer, ...]:
        """Return which parts of the sandbox are in force here, as found out by entering it."""
        with self._lock:
            return self._heard(self._ensure())

    def fork(
        self, target: str, size: int, served: bool, scratch: str, limits: Limits, descriptors: Sequence[int]
    ) -> None:
        """Have a child forked. It gets a copy of the descriptors: connection, status, errors and source.

        Raises:
            SpecError: A part of the sandbox is missing, and the limits forbid to work without it.
            EncodeError: No fork server can be started.
        """
        request = json.dumps([target, size, served, scratch, asdict(limits)]).encode()
        with self._lock:
            for last in (False, True):
                control = self._ensure()
                layers = self._heard(control)
                if limits.strict:
                    refuse_gaps(layers)
                try:
                    socket.send_fds(control, [request], list(descriptors))
                    return
                except OSError as error:
                    self._forget()
                    if last:
                        raise EncodeError(f"the fork server does not answer: {error.strerror}") from None

    def forget(self) -> None:
        """Have the next request start a new one: this one has died, and its children with it."""
        with self._lock:
            self._forget()

    def stop(self) -> None:
        """End the fork server and its children, and wait until they have gone."""
        with self._lock:
            self._forget()
            if self._owner is not None:
                self._owner.join(_STOP_SECONDS)

    def _forget(self) -> None:
        if self._control is not None:
            self._control.close()
        self._control = None
        self._layers = None

    def _ensure(self) -> socket.socket:
        if self._control is None:
            self._control, self._owner = _start()
        return self._control

    def _heard(self, control: socket.socket) -> tuple[Layer, ...]:
        """Return what the fork server says first of all. It is waited for only here."""
        if self._layers is None:
            try:
                self._layers = _hear_layers(control)
            except (OSError, ValueError) as error:
                self._forget()
                raise EncodeError(f"the fork server does not start: {error}") from None
        return self._layers


def refuse_gaps(layers: Sequence[Layer]) -> None:
    """Raise ``SpecError`` where a part of the sandbox is missing that nothing else makes up for."""
    gaps = [f"{layer.name} ({layer.missing})" for layer in layers if layer.needed and layer.missing]
    if gaps:
        raise SpecError(
            f"sandbox: strict is set, and here is no {', no '.join(gaps)}; see docs/sandbox.md, or set best"
        )


def _start() -> tuple[socket.socket, threading.Thread]:
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    started: queue.SimpleQueue[OSError | None] = queue.SimpleQueue()
    owner = threading.Thread(target=_own, args=(theirs, started), name="fork server", daemon=True)
    owner.start()
    fault = started.get()
    if fault is not None:
        control.close()
        raise EncodeError(f"the fork server does not start: {fault}")
    return control, owner


def _hear_layers(control: socket.socket) -> tuple[Layer, ...]:
    control.settimeout(_START_SECONDS)
    layers = tuple(Layer(*fields) for fields in json.loads(control.recv(_MESSAGE_BYTES)))
    control.settimeout(None)
    if any(layer.missing for layer in layers if layer.name in ("landlock", "seccomp")):
        # Then it takes this to keep children of the same user from reading our environment and memory.
        forbid_inspection()
    return layers


def _own(theirs: socket.socket, started: queue.SimpleQueue[OSError | None]) -> None:
    """Start the fork server, and stay until it ends.

    The kernel ends it with the *thread* that started it, so that must be one that lives as long.
    """
    reading, writing = os.pipe()
    try:
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "gopfarm.child", str(theirs.fileno()), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                cwd="/",
                env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
                | _ONE_THREAD
                | {"PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in sys.path)},  # noqa: PTH100
                pass_fds=[theirs.fileno()],
                # Its own session: Ctrl-C at the terminal is for the parent, who then ends the children.
                start_new_session=True,
            )
    except OSError as error:
        os.close(reading)
        started.put(error)
        return
    finally:
        os.close(writing)
    started.put(None)
    words = LastWords(reading)
    os.set_blocking(reading, True)
    while words.take():
        pass
    words.close()
    code = process.wait()
    if code:
        log.warning("the fork server died; the next task starts another", code=code, lines=words.lines())


_server = ForkServer()


def fork_server() -> ForkServer:
    """Return the fork server of this process."""
    return _server


def _after_fork() -> None:
    """A forked process is not the fork server's parent: it starts its own."""
    global _server
    _server = ForkServer()


os.register_at_fork(after_in_child=_after_fork)
atexit.register(lambda: _server.stop())
