"""Media opens no other file, no host, no protocol: not in the sandbox, and not without it either."""

from __future__ import annotations

import ctypes
import io
import os
import shutil
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import av
import av.error
import pytest

from encoders.child import PROBE
from encoders.probe import probe
from gopfarm.child.parent import run_in_child
from gopfarm.errors import FarmError, SourceError, SpecError
from gopfarm.facts import SourceRef
from gopfarm.serial import to_json
from gopfarm.storage import open_source
from tests.encoders.clips import Clips
from tests.encoders.lures import ADDRESSES, LURES, Bait

#: inotify(7): somebody read, wrote or opened the file.
_TOUCHED = 0x00000001 | 0x00000002 | 0x00000020

#: Lures that are good media besides: their own pictures are shown, what they name is not looked at.
HARMLESS = {
    "MOV, samples in a file",
    "MOV, samples on a server",
    "MOV, samples behind an alias",
    "HLS in the subtitles of an AVI",
}


@contextmanager
def untouched(path: Path, listener: socket.socket) -> Iterator[None]:
    """Assert that meanwhile nobody opens a file, and nobody connects."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    assert watch >= 0
    try:
        assert libc.inotify_add_watch(watch, str(path).encode(), _TOUCHED) >= 0
        yield
        try:
            mask = struct.unpack_from("=iI", os.read(watch, 4096))[1]
        except BlockingIOError:
            mask = 0
        assert mask == 0, "the file was touched"
    finally:
        os.close(watch)
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.fixture
def bait(clip: Clips, tmp_path: Path, listener: socket.socket) -> Bait:
    path = tmp_path / "canary0001.mp4"
    shutil.copy(clip("closed.mp4"), path)
    return Bait(str(path), f"http://127.0.0.1:{listener.getsockname()[1]}")


def answered(data: bytes, sandboxed: bool) -> str:
    """Probe a file; return the refusal, empty if there is none."""
    ref = SourceRef("lure", len(data), "tag")
    try:
        if sandboxed:
            run_in_child(PROBE, to_json(ref), io.BytesIO(data), len(data))
        else:
            probe(io.BytesIO(data), ref)
    except SourceError as error:
        return str(error)
    return ""


def test_the_bait_is_good_and_the_trap_snaps(bait: Bait, listener: socket.socket) -> None:
    assert answered(Path(bait.path).read_bytes(), sandboxed=True) == ""
    with pytest.raises(AssertionError, match="touched"), untouched(Path(bait.path), listener):
        Path(bait.path).read_bytes()
    with (
        pytest.raises(pytest.fail.Exception),
        untouched(Path(bait.path), listener),
        socket.create_connection(listener.getsockname()),
    ):
        pass


_HLS = {"allowed_extensions": "ALL", "extension_picky": "0", "protocol_whitelist": "file"}
_DREFS = {"enable_drefs": "1", "use_absolute_path": "1"}

#: Lures, the ending that a reader goes by, and what one that minds nothing is told so that it takes them.
CARELESS: dict[str, tuple[str, dict[str, str]]] = {
    "HLS, a path": (".m3u8", _HLS),
    "ffconcat": ("", {"safe": "0"}),
    "MOV, samples behind an alias": ("", _DREFS),
}


@pytest.mark.parametrize("lure", CARELESS)
def test_a_careless_reader_takes_the_bait(
    lure: str, bait: Bait, listener: socket.socket, tmp_path: Path
) -> None:
    """Else these files would prove nothing."""
    ending, options = CARELESS[lure]
    path = tmp_path / f"lure{ending}"
    path.write_bytes(LURES[lure](bait))

    def read() -> None:
        with (
            untouched(Path(bait.path), listener),
            suppress(av.error.FFmpegError),
            av.open(str(path), options=options) as container,
        ):
            next(container.demux())

    with pytest.raises(AssertionError, match="touched"):
        read()


@pytest.mark.parametrize("sandboxed", [False, True], ids=["without the sandbox", "in the sandbox"])
@pytest.mark.parametrize("lure", LURES)
def test_nothing_that_media_names_is_looked_at(
    lure: str, sandboxed: bool, bait: Bait, listener: socket.socket
) -> None:
    data = LURES[lure](bait)
    with untouched(Path(bait.path), listener):
        message = answered(data, sandboxed)
    assert "\n" not in message
    assert len(message) < 300
    if lure in HARMLESS:
        assert not message or message.startswith("lure: ")
    else:
        assert message.startswith("lure: ")


@pytest.mark.parametrize("name", ADDRESSES)
def test_an_address_is_a_path_or_one_of_our_own(name: str, bait: Bait, listener: socket.socket) -> None:
    with untouched(Path(bait.path), listener):
        with pytest.raises((SourceError, SpecError)) as caught:
            open_source(ADDRESSES[name](bait))
        assert isinstance(caught.value, FarmError)
        assert "\n" not in str(caught.value)


def test_what_a_container_attaches_is_written_nowhere(bait: Bait, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    answered(LURES["Matroska, linked and attached"](bait), sandboxed=False)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
