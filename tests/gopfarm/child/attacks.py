"""What a child would do that has been taken over, each as a target; they tell how far they got."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

Emit = Callable[[str, Any], None]

LIBC = ctypes.CDLL(None, use_errno=True)


def outcome(attempt: Callable[[], object]) -> str:
    """Say how an attempt ended: "done", or the name of the error that it met."""
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "done"


def call(number: int, *arguments: object) -> None:
    if LIBC.syscall(ctypes.c_long(number), *arguments) < 0:
        raise OSError(ctypes.get_errno(), "")


def prctl(*arguments: int) -> None:
    if LIBC.prctl(*(ctypes.c_ulong(argument) for argument in arguments)) < 0:
        raise OSError(ctypes.get_errno(), "")


def attempts(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Try everything; the request tells {canary, port, parent}. The result is the outcome of each attempt."""
    told = json.loads(request)
    canary, parent = Path(told["canary"]), int(told["parent"])
    tried: dict[str, Callable[[], object]] = {
        "read /etc/passwd": lambda: Path("/etc/passwd").read_bytes(),
        "read a file": canary.read_bytes,
        "list its folder": lambda: list(canary.parent.iterdir()),
        "list the home folder": lambda: os.listdir("/root"),  # noqa: PTH208
        "read the parent's environment": lambda: Path(f"/proc/{parent}/environ").read_bytes(),
        "read the fork server's environment": lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
        "read the parent's memory": lambda: os.open(f"/proc/{parent}/mem", os.O_RDONLY),
        "read the own environment": lambda: Path("/proc/self/environ").read_bytes(),
        "write beside the scratch folder": lambda: (scratch.parent / "beside").write_text("x"),
        "write to a file": lambda: canary.write_text("x"),
        "remove a file": canary.unlink,
        "write a package": lambda: (Path(os.__file__).parent / "planted.py").write_text("x"),
        "link a file": lambda: (scratch / "link").symlink_to(canary),
        "link a file hard": lambda: (scratch / "hard").hardlink_to(canary),
        "make a pipe": lambda: os.mkfifo(scratch / "pipe"),
        "open a socket": lambda: socket.socket(),
        "open a unix socket": lambda: socket.socket(socket.AF_UNIX),
        "connect": lambda: socket.create_connection(("127.0.0.1", told["port"]), timeout=2),
        "run a program": lambda: os.execv("/bin/true", ["true"]),
        "run a program as a process": lambda: subprocess.run(["/bin/true"], check=False),
        "fork": os.fork,
        "kill the parent": lambda: os.kill(parent, signal.SIGTERM),
        "kill the fork server": lambda: os.kill(os.getppid(), signal.SIGKILL),
        "kill everybody": lambda: os.kill(-1, signal.SIGTERM),
        "kill the group": lambda: os.killpg(os.getppid(), signal.SIGTERM),
        "outlive the parent": lambda: prctl(1, 0),
        "allow inspection": lambda: prctl(4, 1),
        "get privileges back": lambda: os.setuid(0),
        "leave for another namespace": lambda: _raise(LIBC.unshare(0x10000000)),
        "trace": lambda: _raise(LIBC.ptrace(16, parent, 0, 0)),
        "mount": lambda: _raise(LIBC.mount(b"none", str(scratch).encode(), b"tmpfs", 0, None)),
        "change the root": lambda: os.chroot(str(scratch)),
        "slow the parent down": lambda: os.setpriority(os.PRIO_PROCESS, parent, 19),
        "limit the parent": lambda: _prlimit(parent),
        "raise its own limit": lambda: _raise_own_limit(),
        "hide memory": lambda: os.memfd_create("hidden"),
        "io_uring": lambda: call(425, 1, None),
        "bpf": lambda: call(321 if os.uname().machine == "x86_64" else 280, 0, None, 0),
        "a call that is not known yet": lambda: call(500),
    }
    return json.dumps({name: outcome(attempt) for name, attempt in tried.items()}).encode()


def _raise(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "")


def _prlimit(pid: int) -> None:
    import resource

    resource.prlimit(pid, resource.RLIMIT_NOFILE, (8, 8))


def _raise_own_limit() -> None:
    import resource

    now = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (now + 1, now + 1))
    except ValueError:
        raise PermissionError(errno.EPERM, "") from None


def honest(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Do what children do: threads, own files, the source, signals to itself, loading libraries."""
    done = []
    thread = threading.Thread(target=lambda: done.append("thread"))
    thread.start()
    thread.join()
    (scratch / "folder").mkdir()
    (scratch / "folder" / "file").write_bytes(b"x" * 1000)
    (scratch / "folder" / "file").rename(scratch / "folder" / "other")
    done.append((scratch / "folder" / "other").read_bytes().decode())
    source.seek(0)
    done.append(source.read(4).decode())
    signal.signal(signal.SIGUSR1, lambda *_: done.append("signal"))
    os.kill(os.getpid(), signal.SIGUSR1)
    import colorsys

    done.append(colorsys.__name__)
    return json.dumps(done).encode()


def fill_memory(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Take memory until there is none."""
    held = []
    while True:
        held.append(bytearray(os.urandom(1 << 16)) * 64)


def fill_shared_memory(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Take memory that does not count as data, page by page, and keep still."""
    import mmap

    held = [mmap.mmap(-1, 64 << 20) for _ in range(16)]
    for area in held:
        for at in range(0, len(area), 4096):
            area[at] = 1
    time.sleep(600)
    return b""


def fill_disk(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Write files without end, each within what one file may have."""
    for number in range(1_000_000):
        (scratch / str(number)).write_bytes(bytes(1 << 18))
    return b""


def fill_file(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Write one file without end."""
    with (scratch / "large").open("wb", buffering=0) as file:
        return outcome(lambda: [file.write(bytes(1 << 20)) for _ in range(1000)]).encode()


def burn(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Use processor time without end."""
    while True:
        pass


def talk_for_ever(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Write to standard error without end."""
    while True:
        sys.stderr.write("all work and no play\n" * 1000)


def sleep(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Do nothing for a while."""
    time.sleep(600)
    return b""


def segfault(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Crash as a decoder does."""
    print("decoding slice 7", file=sys.stderr, flush=True)
    ctypes.string_at(0)
    return b""


# What a child could tell its worker.


def lie_about_the_result(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Give a result that is none."""
    return b'{"task": ["../../etc"]}'


def name_a_number(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Say that a file is whole, and which in no sensible way."""
    emit("file", 7)
    return sleep(request, source, scratch, emit)


def name_somebody_elses_file(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Say that a file is whole that is not the child's."""
    emit("file", ["../../../etc", "passwd"])
    return sleep(request, source, scratch, emit)


def report_nonsense(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Report progress that is none."""
    emit("progress", {"done": "all"})
    return sleep(request, source, scratch, emit)
