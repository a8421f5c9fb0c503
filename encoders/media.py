"""Opening untrusted media: bytes in, never names; only formats that we mean to read; plain refusals."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import av
import av.error
from av.container import InputContainer
from av.stream import Discard, Stream

from gopfarm.errors import SourceError

#: Demuxers that read one self-contained file. Playlist and reference formats (hls, dash, concat, image
#: sequences) are left out on purpose: they would make FFmpeg open what the file names.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,mpegvideo,avi,flv,live_flv,ogg,mxf,asf,wav,w64,aiff,"
    "mp3,aac,ac3,eac3,flac,amr,amrnb,amrwb,caf,dts,dv,gxf,ivf,nut,rm,h264,hevc,av1,obu,m4v,mpegps,au,swf,wtv,y4m"
)

#: Bytes that FFmpeg asks Python for at a time: each request costs a call under the interpreter lock.
IO_BUFFER_BYTES = 256 * 1024

#: Why an ISO BMFF file without a moov box cannot be used.
NO_INDEX = "the file is truncated: its index (the moov box) is missing"

_BOX_HEADER = struct.Struct(">I4s")
_MAX_INDEX_BYTES = 64 * 1024 * 1024


def _refuse_to_open(url: str, flags: int, options: dict[str, Any]) -> Any:
    raise PermissionError(f"the file refers to {url!r}, and references are never followed")


@contextmanager
def open_media(source: BinaryIO, name: str) -> Iterator[InputContainer]:
    """Open a seekable binary file as media.

    Args:
        source: Open file with the bytes; it is read and sought, never closed.
        name: How error messages call it: the address that the user gave.

    Raises:
        SourceError: The bytes are not media that can be used; the message says why.
    """
    source.seek(0)
    try:
        container = av.open(
            source,
            "r",
            container_options={"format_whitelist": FORMATS, "protocol_whitelist": "none"},
            buffer_size=IO_BUFFER_BYTES,
            io_open=_refuse_to_open,
        )
    except (av.error.FFmpegError, PermissionError, ValueError) as error:
        raise SourceError(f"{name}: {_diagnose(source, error)}") from None
    with container:
        yield container


def only(container: InputContainer, wanted: Iterable[Stream]) -> None:
    """Make the demuxer skip all other streams, without reading their payload where the format allows."""
    kept = {stream.index for stream in wanted}
    for stream in container.streams:
        if stream.index not in kept:
            stream.discard = Discard.all


def boxes(source: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, position of the payload, size of the payload) of the top-level ISO BMFF boxes."""
    end = source.seek(0, os.SEEK_END)
    at = 0
    while at + 8 <= end:
        source.seek(at)
        size, kind = _BOX_HEADER.unpack(source.read(8))
        header = 8
        if size == 1:
            size, header = struct.unpack(">Q", source.read(8))[0], 16
        elif size == 0:
            size = end - at
        if size < header or not kind.isascii():
            return
        yield kind, at + header, size - header
        at += size


def _diagnose(source: BinaryIO, error: Exception) -> str:
    """Say why FFmpeg would not open a source, looking at the bytes where its own words say too little."""
    if isinstance(error, PermissionError):
        return str(error)
    source.seek(4)
    if source.read(4) in (b"ftyp", b"moov", b"mdat", b"styp", b"free", b"wide"):
        found = {kind: (at, size) for kind, at, size in boxes(source)}
        if b"moov" not in found:
            return NO_INDEX
        at, size = found[b"moov"]
        source.seek(at)
        if is_protected(source.read(min(size, _MAX_INDEX_BYTES))):
            return "the file is encrypted (DRM); transcoding needs the clear original"
        return "the file is damaged: its index (the moov box) cannot be read"
    return "not a video or audio file that can be read"


def is_protected(index: bytes) -> bool:
    """Tell whether an ISO BMFF index describes protected samples (ISO/IEC 14496-12, 8.12: encv, enca)."""
    return any(kind in index for kind in (b"encv", b"enca", b"pssh"))
