"""The fork server's own side: ``python -m gopfarm.child CONTROL PARENT``, see ``forkserver.py``.

It waits for requests, each with the descriptors of a child to be, and forks. It tells whoever asked the
child's process id, then how it ended, over a socket of their own; and ends the child when they hang up. Only
the process that waits for a child can do both without ever meaning another process of the same number.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final, NoReturn

from gopfarm.child import inside
from gopfarm.child.limits import MEBIBYTE, Limits
from gopfarm.child.protocol import STATUS
from gopfarm.child.sandbox import Layer, enter, leave_network, places
from gopfarm.process import die_with_parent

#: What is sent over the control socket.
_REQUEST_BYTES: Final = 65536
_DESCRIPTORS: Final = 4

#: Limits under which the sandbox is tried.
_TRIAL: Final = Limits(memory_bytes=4096 * MEBIBYTE)


@dataclass(frozen=True)
class _Child:
    pid: int
    status: socket.socket


class Server:
    """Forks children for as long as its parent lives."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: dict[int, _Child] = {}
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._woken, self._wake = socket.socketpair()
        self._woken.setblocking(False)
        self._wake.setblocking(False)
        self._poll.register(self._woken, select.POLLIN)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # the default is not to wake anybody
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)

    def serve(self) -> None:
        """Serve requests until the parent hangs up."""
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor == self._control.fileno():
                    if not self._take_request():
                        return
                elif descriptor == self._woken.fileno():
                    with contextlib.suppress(BlockingIOError):
                        self._woken.recv(4096)
                    self._reap()
                elif descriptor in self._children:  # else it was reaped a moment ago, in this very round
                    self._end(descriptor)

    def _take_request(self) -> bool:
        message, descriptors, _, _ = socket.recv_fds(self._control, _REQUEST_BYTES, _DESCRIPTORS)
        if not message:
            return False
        target, *rest = json.loads(message)
        _preload(target)
        if not rest:
            return True  # it was only to be made ready for
        size, served, scratch, limits = rest
        job = inside.Job(target, size, served, Path(scratch), Limits(**limits))
        connection, status_fd, errors, *source = descriptors
        status = socket.socket(fileno=status_fd)
        own = [connection, errors, *source]
        try:
            pid = os.fork()
        except OSError as error:
            status.send(STATUS.pack(-(error.errno or 1), 0.0))
            status.close()
        else:
            if pid == 0:
                _become(job, own)
            with contextlib.suppress(OSError):
                os.setpgid(pid, pid)
            self._children[status.fileno()] = _Child(pid, status)
            self._poll.register(status, select.POLLIN)
            with contextlib.suppress(OSError):
                status.send(STATUS.pack(pid, 0.0))
        for descriptor in own:
            os.close(descriptor)
        return True

    def _end(self, descriptor: int) -> None:
        """End a child, and all that it may have started, whose parent hung up; ``_reap`` tells of it."""
        pid = self._children[descriptor].pid
        self._poll.unregister(descriptor)
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError):
                kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        for descriptor, child in list(self._children.items()):
            pid, status, used = os.wait4(child.pid, os.WNOHANG)
            if pid == 0:
                continue
            del self._children[descriptor]
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)  # what it started, where nothing kept it from that
            with contextlib.suppress(KeyError):
                self._poll.unregister(descriptor)
            with contextlib.suppress(OSError):
                child.status.send(STATUS.pack(status, used.ru_utime + used.ru_stime))
            child.status.close()


def _preload(target: str) -> None:
    """Load what a target needs, once for all children. One that cannot be loaded is the child's matter."""
    module = target.partition(":")[0]
    if module in sys.modules:
        return
    with contextlib.suppress(Exception):
        loaded = importlib.import_module(module)
        getattr(loaded, "preload", lambda: None)()
    if threads := len(list(Path("/proc/self/task").iterdir())) - 1:
        raise RuntimeError(f"loading {module} starts {threads} threads: it cannot be forked safely")
    places.code()  # is remembered, and children find it so
    # Collecting garbage would write into, and so copy, memory that children share.
    gc.collect()
    gc.freeze()


def _become(job: inside.Job, descriptors: list[int]) -> NoReturn:
    """Turn this process, which was just forked, into a child; it never returns."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        code = inside.run(job, descriptors)
    finally:
        os._exit(code)


def _layers() -> tuple[Layer, ...]:
    """Find out what the sandbox is made of here: enter it in a process that then ends."""
    try:
        leave_network()
        network = Layer("network namespace", needed=False)
    except OSError as error:
        network = Layer("network namespace", error.strerror or str(error), needed=False)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            found = enter(_TRIAL, Path("/nonexistent"))
            os.write(writing, json.dumps([astuple(layer) for layer in found]).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    return (*(Layer(*fields) for fields in json.loads(answer)), network)


def main(control: int, parent: int) -> None:
    """Tell the parent what the sandbox is made of, then serve its requests."""
    # Where all processes of a service are signalled, the parent decides what becomes of its tasks.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    layers = _layers()
    die_with_parent()
    if os.getppid() != parent:
        return
    assert threading.active_count() == 1
    with socket.socket(fileno=control) as sock:
        sock.send(json.dumps([astuple(layer) for layer in layers]).encode())
        Server(sock).serve()
