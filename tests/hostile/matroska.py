"""Changing Matroska files on the level of EBML elements (RFC 8794, RFC 9559)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

SEGMENT, TRACKS, ENTRY, VIDEO = b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b", b"\xae", b"\xe0"
SEEK_HEAD, CUES, VOID, CLUSTER, BLOCK = (
    b"\x11\x4d\x9b\x74",
    b"\x1c\x53\xbb\x6b",
    b"\xec",
    b"\x1f\x43\xb6\x75",
    b"\xa3",
)

#: Elements that name positions, which move, or that fill gaps: they may all be left out.
_LEFT_OUT = (SEEK_HEAD, CUES, VOID)

_XIPH_LACING = 0x02


def elements(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield identifier and payload of each element."""
    at = 0
    while at < len(data):
        length = 9 - data[at].bit_length()
        name = data[at : at + length]
        at += length
        width = 9 - data[at].bit_length()
        size = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
        at += width
        yield name, data[at : at + size]
        at += size


def element(name: bytes, payload: bytes) -> bytes:
    """Write an element with a size of eight bytes."""
    return name + (len(payload) | 1 << 56).to_bytes(8, "big") + payload


def rewrite(data: bytes, path: tuple[bytes, ...], change: Callable[[bytes], bytes]) -> bytes:
    """Change the payload of every element at a path of identifiers; the seek head and the cues go."""
    written = []
    for name, payload in elements(data):
        if name in _LEFT_OUT:
            continue
        if name == path[0]:
            payload = rewrite(payload, path[1:], change) if len(path) > 1 else change(payload)
        written.append(element(name, payload))
    return b"".join(written)


def with_pixel_crop(data: bytes, top: int, bottom: int, left: int, right: int) -> bytes:
    """Add PixelCrop elements to the video track."""
    names = (b"\x54\xbb", b"\x54\xaa", b"\x54\xcc", b"\x54\xdd")
    crop = b"".join(
        name + b"\x81" + bytes([value]) for name, value in zip(names, (top, bottom, left, right), strict=True)
    )
    return rewrite(data, (SEGMENT, TRACKS, ENTRY, VIDEO), lambda payload: payload + crop)


def with_lacing(data: bytes, track: int, frames: int) -> bytes:
    """Put several frames of a track into each of its blocks (RFC 9559, section 10.3)."""

    def lace(blocks: list[bytes]) -> bytes:
        head = blocks[0][:3] + bytes([blocks[0][3] | _XIPH_LACING, len(blocks) - 1])
        bodies = [block[4:] for block in blocks]
        sizes = b"".join(b"\xff" * (len(body) // 255) + bytes([len(body) % 255]) for body in bodies[:-1])
        return element(BLOCK, head + sizes + b"".join(bodies))

    def change(cluster: bytes) -> bytes:
        written: list[bytes | list[bytes]] = []
        waiting: list[bytes] = []
        for name, payload in elements(cluster):
            if name != BLOCK or payload[0] != 0x80 | track:
                written.append(element(name, payload))
                continue
            if not waiting:
                written.append(waiting)
            waiting.append(payload)
            if len(waiting) == frames:
                waiting = []
        return b"".join(
            part if isinstance(part, bytes) else lace(part) if len(part) > 1 else element(BLOCK, part[0])
            for part in written
        )

    return rewrite(data, (SEGMENT, CLUSTER), change)
