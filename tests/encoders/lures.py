"""Files that name other files, hosts and protocols, to make whoever reads them fetch those."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass

import av

from tests.hostile.boxes import box, rewrite


@dataclass(frozen=True)
class Bait:
    """What is planted: a file that is good media, and an address where somebody listens."""

    path: str
    url: str


def _playlist(*lines: str) -> bytes:
    head = ("#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:5", "#EXT-X-MEDIA-SEQUENCE:0")
    return "\n".join([*head, *lines, "#EXT-X-ENDLIST", ""]).encode()


def _segment(name: str) -> bytes:
    return _playlist("#EXTINF:5,", name)


def _key(bait: Bait) -> bytes:
    return _playlist(f'#EXT-X-KEY:METHOD=AES-128,URI="{bait.url}/key"', "#EXTINF:5,", bait.path)


def _map(bait: Bait) -> bytes:
    return _playlist(f'#EXT-X-MAP:URI="file://{bait.path}"', "#EXTINF:5,", bait.path)


def _variants(bait: Bait) -> bytes:
    return f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{bait.url}/index.m3u8\n".encode()


def _dash(address: str) -> bytes:
    return f"""<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S" profiles="a">
<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1" width="64" height="64">
<BaseURL>{address}</BaseURL></Representation></AdaptationSet></Period></MPD>""".encode()


def _entities(bait: Bait) -> bytes:
    text = f'<?xml version="1.0"?><!DOCTYPE MPD [<!ENTITY x SYSTEM "file://{bait.path}">]>'
    return text.encode() + _dash("&x;").partition(b"?>")[2]


def _sdp(bait: Bait) -> bytes:
    port = bait.url.rpartition(":")[2]
    return (
        f"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\na=control:{bait.url}\r\n"
        f"m=video {port} TCP/RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    ).encode()


def _film() -> bytes:
    """Make a short film in MOV, with its index at the end."""
    target = io.BytesIO()
    with av.open(target, "w", format="mov") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(5):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target.getvalue()


def _data_reference(entry: bytes) -> bytes:
    """Have a film say that its samples are elsewhere (ISO/IEC 14496-12, 8.7.2)."""
    dref = struct.pack(">II", 0, 1) + entry

    def change(path: tuple[bytes, ...], payload: bytes) -> bytes:
        return box(b"dref", dref) if path[-1] == b"dinf" else payload

    return rewrite(_film(), change)


def _url_reference(address: str) -> bytes:
    return _data_reference(box(b"url ", struct.pack(">I", 0) + address.encode() + b"\0"))


def _alias(bait: Bait) -> bytes:
    """Write an alias record of classic Mac OS, with the absolute path in its last field."""
    name, path = b"film.mov", bait.path.encode()
    path += b"\0" * (len(path) % 2)
    record = (
        *(bytes(10), b"\x03vol".ljust(28, b"\0"), bytes(12), bytes([len(name)]), name.ljust(63, b"\0")),
        *(bytes(16), struct.pack(">HH", 1, 1), bytes(16), struct.pack(">HH", 2, len(path)), path),
        *(struct.pack(">HH", 0xFFFF, 0), bytes(40)),
    )
    return _data_reference(box(b"alis", struct.pack(">I", 0) + b"".join(record)))


def _reference_movie(address: str) -> bytes:
    reference = box(b"rdrf", struct.pack(">I4sI", 0, b"url ", len(address) + 1) + address.encode() + b"\0")
    return box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"moov", box(b"rmra", box(b"rmda", reference)))


def _playlist_in_mp4(bait: Bait) -> bytes:
    return box(b"ftyp", b"isom\0\0\0\0isom") + _segment(bait.path)


def _playlist_after_tag(bait: Bait) -> bytes:
    """Put a playlist where sound is expected, after an ID3 tag."""
    return b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10) + _segment(bait.path)


def _playlist_in_avi(bait: Bait) -> bytes:
    """Put a playlist into a track of subtitles of an AVI (GAB2), whose format libavformat finds out."""
    picture = io.BytesIO()
    with av.open(picture, "w", format="mjpeg") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        container.mux(stream.encode(av.VideoFrame(64, 48, "yuvj420p")))
        container.mux(stream.encode(None))
    words = _segment(bait.path)
    gab2 = b"GAB2\0" + struct.pack("<HI", 2, 2) + b"x\0" + struct.pack("<HI", 4, len(words)) + words

    def chunk(name: bytes, data: bytes) -> bytes:
        return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)

    def header(kind: bytes, codec: bytes) -> bytes:
        return kind + codec + struct.pack("<10I4H", 0, 0, 0, 1, 25, 0, 1, 0, 0, 0, 0, 0, 64, 48)

    bitmap = struct.pack("<IiiHH4s5I", 40, 64, 48, 1, 24, b"MJPG", 0, 0, 0, 0, 0)
    streams = chunk(b"LIST", b"strl" + chunk(b"strh", header(b"vids", b"MJPG")) + chunk(b"strf", bitmap))
    streams += chunk(b"LIST", b"strl" + chunk(b"strh", header(b"txts", bytes(4))) + chunk(b"strf", b""))
    main = chunk(b"avih", struct.pack("<14I", 40000, 0, 0, 0, 1, 0, 2, 0, 64, 48, 0, 0, 0, 0))
    movie = b"movi" + chunk(b"00dc", picture.getvalue()) + chunk(b"01tx", gab2)
    content = b"AVI " + chunk(b"LIST", b"hdrl" + main + streams) + chunk(b"LIST", movie)
    return chunk(b"RIFF", content)


def _element(number: int, data: bytes) -> bytes:
    """Write an element of EBML (RFC 8794)."""
    size = struct.pack(">Q", 1 << 56 | len(data))
    return number.to_bytes((number.bit_length() + 7) // 8, "big") + size + data


def _linked_segment(bait: Bait) -> bytes:
    """Make a Matroska file that goes on in another one, and attaches a file with a path for a name."""
    head = _element(0x4282, b"matroska") + _element(0x4287, b"\4") + _element(0x4285, b"\2")
    info = _element(0x2AD7B1, struct.pack(">I", 1_000_000)) + _element(0x73A4, bytes(16))
    info += _element(0x3EB923, b"\1" * 16) + _element(0x3E83BB, bait.path.encode())
    track = _element(0xD7, b"\1") + _element(0x73C5, b"\1") + _element(0x83, b"\1")
    track += _element(0x86, b"V_MPEG4/ISO/ASP")
    track += _element(0xE0, _element(0xB0, b"\x40") + _element(0xBA, b"\x30"))
    name = _element(0x466E, f"../../../..{bait.path}".encode()) + _element(0x4660, b"text/plain")
    attached = _element(0x61A7, name + _element(0x465C, b"planted") + _element(0x46AE, b"\1"))
    chapter = _element(0xB6, _element(0x73C4, b"\1") + _element(0x91, b"\0") + _element(0x6E67, b"\1" * 16))
    edition = _element(0x45B9, _element(0x45DD, b"\1") + chapter)
    segment = _element(0x1549A966, info) + _element(0x1654AE6B, _element(0xAE, track))
    segment += _element(0x1941A469, attached) + _element(0x1043A770, edition)
    return _element(0x1A45DFA3, head) + _element(0x18538067, segment)


#: By name: the file, given what is planted.
LURES: dict[str, Callable[[Bait], bytes]] = {
    "HLS, a path": lambda bait: _segment(bait.path),
    "HLS, file:": lambda bait: _segment(f"file://{bait.path}"),
    "HLS, http:": lambda bait: _segment(f"{bait.url}/a.ts"),
    "HLS, tcp:": lambda bait: _segment(bait.url.replace("http:", "tcp:")),
    "HLS, concat:": lambda bait: _segment(f"concat:{bait.path}|{bait.path}"),
    "HLS, subfile:": lambda bait: _segment(f"subfile,,start,0,end,0,,:{bait.path}"),
    "HLS, crypto:": lambda bait: _segment(f"crypto+file:{bait.path}"),
    "HLS, cache and async": lambda bait: _segment(f"async:cache:{bait.path}"),
    "HLS, data:": lambda bait: _segment("data:video/mp4;base64,AAAA"),
    "HLS, gopher and ftp": lambda bait: _segment(bait.url.replace("http:", "ftp:")),
    "HLS, a key": _key,
    "HLS, an init segment": _map,
    "HLS, variants": _variants,
    "HLS after bytes of MP4": _playlist_in_mp4,
    "HLS after an ID3 tag": _playlist_after_tag,
    "HLS in the subtitles of an AVI": _playlist_in_avi,
    "DASH, file:": lambda bait: _dash(f"file://{bait.path}"),
    "DASH, http:": lambda bait: _dash(f"{bait.url}/a.mp4"),
    "DASH, an entity of XML": _entities,
    "Smooth Streaming": lambda bait: f'<SmoothStreamingMedia Url="{bait.url}"/>'.encode(),
    "IMF": lambda bait: (
        b'<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/ns/2067-3">'
    ),
    "ffconcat": lambda bait: f"ffconcat version 1.0\nfile '{bait.path}'\n".encode(),
    "ffconcat, http:": lambda bait: f"ffconcat version 1.0\nfile '{bait.url}/a'\n".encode(),
    "concat, without a head": lambda bait: f"file '{bait.path}'\nfile '{bait.path}'\n".encode(),
    "MOV, samples in a file": lambda bait: _url_reference(f"file://{bait.path}"),
    "MOV, samples on a server": lambda bait: _url_reference(f"{bait.url}/a.mov"),
    "MOV, samples behind an alias": _alias,
    "MOV, a reference movie": lambda bait: _reference_movie(bait.url),
    "MOV, RTSP in text": lambda bait: b"RTSPtextrtsp" + bait.url[4:].encode() + b"/a",
    "Matroska, linked and attached": _linked_segment,
    "SDP": _sdp,
    "RTSP in a playlist": lambda bait: f"#EXTM3U\nrtsp{bait.url[4:]}/a\n".encode(),
    "PLS": lambda bait: f"[playlist]\nFile1={bait.path}\nNumberOfEntries=1\n".encode(),
    "ASX": lambda bait: f'<asx version="3.0"><entry><ref href="{bait.url}/a"/></entry></asx>'.encode(),
    "RAM": lambda bait: f"{bait.url}/a.rm\n".encode(),
    "a filter script": lambda bait: f"movie={bait.path}[out0]".encode(),
    "AviSynth": lambda bait: f'AVISource("{bait.path}")'.encode(),
    "VapourSynth": lambda bait: f"import vapoursynth as vs\nopen({bait.path!r}).read()\n".encode(),
    "ffmetadata": lambda bait: f";FFMETADATA1\ntitle=@{bait.path}\n".encode(),
    "VobSub": lambda bait: (
        f"# VobSub index file, v7 (do not modify this line!)\nid: en, index: 0\nlangidx: 0\n"
        f"timestamp: 00:00:00:100, filepos: 000000000\n# {bait.path}\n"
    ).encode(),
    "ASS with a picture": lambda bait: (
        f"[Script Info]\nScriptType: v4.00+\n[Events]\nFormat: Layer, Start, End, Style, Text\n"
        f"Picture: 0,0:00:00.00,0:00:01.00,x,{bait.path}\nMovie: 0,0:00:00.00,0:00:01.00,x,{bait.path}\n"
    ).encode(),
    "WebVTT with a style sheet": lambda bait: f"WEBVTT\n\nSTYLE\n@import url({bait.url}/a.css);\n\n".encode(),
    "SMIL": lambda bait: f'<smil><body><video src="{bait.url}/a"/></body></smil>'.encode(),
    "a numbered picture": lambda bait: b"\x89PNG\r\n\x1a\n" + bytes(100),
}

#: Addresses of a source that no storage of ours knows, though FFmpeg would.
ADDRESSES: dict[str, Callable[[Bait], str]] = {
    "concat": lambda bait: f"concat:{bait.path}|{bait.path}",
    "subfile": lambda bait: f"subfile,,start,0,end,0,,:{bait.path}",
    "crypto": lambda bait: f"crypto:{bait.path}",
    "file without slashes": lambda bait: f"file:{bait.path}",
    "data": lambda bait: "data:video/mp4;base64,AAAA",
    "http": lambda bait: f"{bait.url}/a.mp4",
    "https on this machine": lambda bait: f"https{bait.url[4:]}/a.mp4",
    "tcp": lambda bait: f"tcp{bait.url[4:]}",
    "rtsp": lambda bait: f"rtsp{bait.url[4:]}/a",
    "lavfi": lambda bait: f"lavfi:movie={bait.path}",
    "a numbered sequence": lambda bait: bait.path.replace("0001", "%04d"),
    "a pipe": lambda bait: "pipe:0",
}
