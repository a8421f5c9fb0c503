"""Opening untrusted media: bytes in, never names; only formats that we mean to read; plain refusals."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, BinaryIO

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Stream

from encoders import bombs
from gopfarm.errors import SourceError

#: Demuxers that read one self-contained file. Playlist and reference formats (hls, dash, concat, image
#: sequences) are left out on purpose: they would make FFmpeg open what the file names.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,mpegvideo,avi,flv,live_flv,ogg,mxf,asf,wav,w64,aiff,"
    "wv,tta,ape,mpc,mpc8,tak,dsf,iff,oma,voc,xwma,shn,truehd,mlp,"
    "mp3,aac,ac3,eac3,flac,amr,amrnb,amrwb,caf,dts,dv,gxf,ivf,nut,rm,h264,hevc,obu,m4v,au,swf,wtv,"
    "yuv4mpegpipe,gif,apng,vc1,vvc"
)

#: Bytes that FFmpeg asks Python for at a time: each request costs a call under the interpreter lock.
IO_BUFFER_BYTES = 64 * 1024

#: Why an ISO BMFF file without a moov box cannot be used.
NO_INDEX = "the file is truncated: its index (the moov box) is missing"

_BOX_HEADER = struct.Struct(">I4s")

#: Where a track says what its samples are, the bytes before the first entry there, and what it calls samples
#: that only a licence can read: Common Encryption's names, and those of older iTunes films.
_SAMPLE_ENTRIES = (b"trak", b"mdia", b"minf", b"stbl", b"stsd")
_STSD_FIELDS = 8
_PROTECTED = frozenset({b"encv", b"enca", b"drmi", b"drms"})


def _refuse_to_open(url: str, flags: int, options: dict[str, Any]) -> Any:
    raise PermissionError(f"the file refers to {url!r}, and references are never followed")


@contextmanager
def open_media(source: BinaryIO, name: str, *, text: bool = False) -> Iterator[InputContainer]:
    """Open a seekable binary file as media.

    Args:
        source: Open file with the bytes; it is read and sought, never closed.
        name: How error messages call it: the address that the user gave.
        text: Subtitles are to be read. libavformat moves those that an edit list cuts, unless it is told to
            take nothing but the offset from it.

    Raises:
        SourceError: The bytes are not media that can be used; the message says why.
    """
    source.seek(0)
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "none"} | bombs.CONTAINER_OPTIONS
    if text:
        options["advanced_editlist"] = "0"
    try:
        container = av.open(
            source,
            "r",
            options=bombs.STREAM_OPTIONS,
            container_options=options,
            buffer_size=IO_BUFFER_BYTES,
            metadata_errors="replace",
            io_open=_refuse_to_open,
        )
    except (av.error.FFmpegError, PermissionError, ValueError) as error:
        raise SourceError(f"{name}: {_diagnose(source, error)}") from None
    with container:
        bombs.check_container(container, name)
        yield container


def only(container: InputContainer, wanted: Iterable[Stream]) -> None:
    """Make the demuxer skip all other streams, without reading their payload where the format allows."""
    kept = {stream.index for stream in wanted}
    for stream in container.streams:
        if stream.index not in kept:
            stream.discard = Discard.all


def packets(container: InputContainer, streams: Sequence[Stream]) -> Iterator[Packet[Any]]:
    """Yield the packets of some streams as they lie in the file, then an empty one for each stream.

    Raises:
        SourceError: There is no end to them.
    """
    try:
        yield from bombs.bounded(container.demux(streams))
    except IndexError:
        # MPEG-TS can bring up new streams on the way; PyAV wants to end them too, and does not know them.
        return


def boxes(source: BinaryIO, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, position of the payload, size of the payload) of the ISO BMFF boxes side by side.

    ``start`` and ``end`` are the bytes to look at, by default the whole file. The last box may say that it
    reaches beyond them.
    """
    if end is None:
        end = source.seek(0, os.SEEK_END)
    at = start
    while at + 8 <= end:
        source.seek(at)
        head = source.read(16)
        if len(head) < _BOX_HEADER.size:
            return
        size, kind = _BOX_HEADER.unpack_from(head)
        header = 8
        if size == 1 and len(head) == 16:
            size, header = struct.unpack_from(">Q", head, 8)[0], 16
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
    if isinstance(error, MemoryError):
        return "it asks for more memory, or more streams, than any film needs"
    source.seek(4)
    if source.read(4) in (b"ftyp", b"moov", b"mdat", b"styp", b"free", b"wide"):
        found = {kind: (at, size) for kind, at, size in boxes(source)}
        if b"moov" not in found:
            return NO_INDEX
        at, size = found[b"moov"]
        if is_protected(source, at, size):
            return "the file is encrypted (DRM); transcoding needs the clear original"
        return "the file is damaged: its index (the moov box) cannot be read"
    return "not a video or audio file that can be read"


def check_index(source: BinaryIO, at: int, size: int, name: str) -> None:
    """Raise ``SourceError`` where a ``moov`` box (its payload) has more tracks than are worth looking at."""
    tracks = (kind for kind, _, _ in boxes(source, at, at + size) if kind == b"trak")
    if next(islice(tracks, bombs.MOST_STREAMS, None), None) is not None:
        raise SourceError(f"{name}: it has more than {bombs.MOST_STREAMS} streams")


def is_protected(source: BinaryIO, at: int, size: int) -> bool:
    """Tell whether a ``moov`` box (its payload) describes protected samples (ISO/IEC 14496-12, 8.12)."""
    return not _PROTECTED.isdisjoint(_inside(source, at, at + size, _SAMPLE_ENTRIES))


def _inside(source: BinaryIO, start: int, end: int, path: tuple[bytes, ...]) -> Iterator[bytes]:
    """Yield the types of the boxes that stand at the end of a path of boxes."""
    for kind, at, size in boxes(source, start, end):
        if not path:
            yield kind
        elif kind == path[0]:
            skipped = _STSD_FIELDS if kind == b"stsd" else 0
            yield from _inside(source, at + skipped, min(at + size, end), path[1:])
