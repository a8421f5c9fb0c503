"""Damage: cut, scrambled, lost, or no film at all."""

from __future__ import annotations

import random
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from tests.hostile.expected import Expected, Film, expect
from tests.hostile.sources import AAC, X264, Kit, Recipe, changed, to_yuv

FILM = Film()
PACKET = 188

REFUSED = Expected(verdict="refuse")
REFUSED_LATE = replace(REFUSED, late=True)
#: Whatever the ffmpeg binary makes of it; sound is not judged.
MEASURED = replace(expect(FILM), pictures="measured", tracks=None, rate=None, colour="none", size=None)
EITHER = replace(MEASURED, verdict="either")


def cut(share: float) -> Callable[[bytes], bytes]:
    """Keep the first share of a file."""
    return lambda data: data[: int(len(data) * share)]


def without_packets(share: float, seed: int) -> Callable[[bytes], bytes]:
    """Lose packets of MPEG-TS, the tables at the start excepted."""

    def change(data: bytes) -> bytes:
        dice = random.Random(seed)
        packets = [data[at : at + PACKET] for at in range(0, len(data), PACKET)]
        return b"".join(packet for at, packet in enumerate(packets) if at < 12 or dice.random() >= share)

    return change


def without_stretch(start: float, end: float) -> Callable[[bytes], bytes]:
    """Lose all packets of MPEG-TS between two shares of the file."""
    return lambda data: (
        data[: int(len(data) * start) // PACKET * PACKET] + data[int(len(data) * end) // PACKET * PACKET :]
    )


def flipped(count: int, seed: int, start: float = 0.1, end: float = 0.9) -> Callable[[bytes], bytes]:
    """Flip bits between two shares of the file."""

    def change(data: bytes) -> bytes:
        dice, changed_data = random.Random(seed), bytearray(data)
        for _ in range(count):
            changed_data[dice.randrange(int(len(data) * start), int(len(data) * end))] ^= 1 << dice.randrange(
                8
            )
        return bytes(changed_data)

    return change


def zeroed(start: float, end: float) -> Callable[[bytes], bytes]:
    """Overwrite a part of the file with zeros."""

    def change(data: bytes) -> bytes:
        first, last = int(len(data) * start), int(len(data) * end)
        return data[:first] + bytes(last - first) + data[last:]

    return change


def _written(name: str, content: bytes, note: str) -> Recipe:
    return Recipe(name, lambda kit, path: _write(path, content), REFUSED, note)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _damaged(
    name: str,
    origin: str,
    change: Callable[[bytes], bytes],
    expected: Expected,
    note: str,
) -> Recipe:
    return changed(name, origin, change, expected, note=note)


def _directory(kit: Kit, path: Path) -> None:
    path.mkdir()
    (path / "film.mp4").write_bytes(kit.source("plain.mp4").read_bytes())


def _names_others(name: str, text: str) -> Recipe:
    def make(kit: Kit, path: Path) -> None:
        path.write_text(text.format(film=kit.source("plain.ts").name))

    return Recipe(name, make, REFUSED, "a list that names other files")


def _heavy(kit: Kit, path: Path) -> None:
    """A larger film in TS, so that single packets matter less."""
    film = Film(count=150, size=(640, 360))
    kit.ffmpeg("-i", kit.film(film), "-i", kit.beeps(6), *shlex.split(f"{to_yuv()} {X264} {AAC}"), path)


def _verdict(expected: Expected, verdict: Literal["play", "refuse", "either"]) -> Expected:
    return replace(expected, verdict=verdict)


TABLE = [
    _damaged("cut_moov_last.mp4", "moov_last.mp4", cut(0.6), REFUSED, "cut before its index"),
    _damaged("cut_faststart.mp4", "plain.mp4", cut(0.6), REFUSED, "cut; its index names more"),
    _damaged("cut_last_byte.mp4", "plain.mp4", lambda data: data[:-1], REFUSED, "one byte is missing"),
    _damaged("cut.mkv", "plain.mkv", cut(0.6), REFUSED, "cut; its size is declared"),
    _damaged("cut_live.mkv", "live.mkv", cut(0.6), EITHER, "cut; its size is not declared"),
    _damaged("cut.webm", "vp8.webm", cut(0.5), REFUSED, "cut"),
    _damaged("cut.ts", "plain.ts", cut(0.6), MEASURED, "cut, as recordings are"),
    _damaged("cut_mid_fragment.mp4", "fragmented.mp4", cut(0.6), REFUSED, "cut within a fragment"),
    _damaged("cut.avi", "mpeg4_b.avi", cut(0.6), REFUSED, "cut"),
    _damaged("cut.flv", "plain.flv", cut(0.6), EITHER, "cut"),
    _damaged("cut.mpg", "program.mpg", cut(0.6), MEASURED, "cut, as recordings are"),
    _damaged("cut.wmv", "wmv2.wmv", cut(0.6), EITHER, "cut"),
    _damaged("cut.mxf", "mpeg2.mxf", cut(0.6), EITHER, "cut"),
    _damaged("cut.ogv", "theora.ogv", cut(0.6), EITHER, "cut"),
    _damaged("header_only.mp4", "moov_last.mp4", cut(0.002), REFUSED, "a header alone"),
    _damaged("header_only.mkv", "plain.mkv", cut(0.001), REFUSED, "a header alone"),
    _damaged("header_only.ts", "plain.ts", lambda data: data[: 188 * 3], REFUSED, "tables alone"),
    _damaged("random_start.ts", "plain.ts", lambda data: data[12_345:], MEASURED, "starts at any byte"),
    _damaged(
        "garbage_before.ts",
        "plain.ts",
        lambda data: random.Random(3).randbytes(1000) + data,
        MEASURED,
        "rubbish before the first packet",
    ),
    _damaged(
        "garbage_inside.ts",
        "plain.ts",
        lambda data: data[: 188 * 300] + random.Random(4).randbytes(999) + data[188 * 300 :],
        MEASURED,
        "rubbish between packets",
    ),
    Recipe("large.ts", _heavy, expect(Film(count=150, size=(640, 360)))),
    _damaged(
        "lost_few.ts",
        "large.ts",
        without_packets(0.001, 5),
        MEASURED,
        "one packet in a thousand is lost",
    ),
    _damaged(
        "lost_some.ts",
        "large.ts",
        without_packets(0.01, 6),
        EITHER,
        "one packet in a hundred is lost",
    ),
    _damaged("lost_many.ts", "large.ts", without_packets(0.1, 7), EITHER, "one packet in ten is lost"),
    _damaged(
        "lost_stretch.ts", "large.ts", without_stretch(0.4, 0.6), MEASURED, "a fifth of the film is lost"
    ),
    _damaged("flipped_few.mp4", "plain.mp4", flipped(5, 8), MEASURED, "five wrong bits"),
    _damaged("flipped_many.mp4", "plain.mp4", flipped(400, 9), EITHER, "400 wrong bits"),
    _damaged("flipped_few.mkv", "plain.mkv", flipped(5, 10), MEASURED, "five wrong bits"),
    _damaged("flipped_many.mkv", "plain.mkv", flipped(200, 11), EITHER, "200 wrong bits"),
    _damaged(
        "flipped_few.ts", "plain.ts", flipped(10, 12), replace(MEASURED, unreadable=0.35), "ten wrong bits"
    ),
    _damaged("flipped_many.ts", "plain.ts", flipped(500, 13), EITHER, "500 wrong bits"),
    _damaged("flipped.avi", "mpeg4_b.avi", flipped(20, 14), MEASURED, "20 wrong bits"),
    _damaged("flipped.webm", "vp8.webm", flipped(10, 15), EITHER, "ten wrong bits"),
    _damaged("flipped_hevc.mp4", "hevc.mp4", flipped(10, 16), MEASURED, "ten wrong bits"),
    _damaged("flipped.mpg", "program.mpg", flipped(20, 17), MEASURED, "20 wrong bits"),
    _damaged("zeroed.mp4", "plain.mp4", zeroed(0.4, 0.5), EITHER, "a tenth is zero"),
    _damaged("zeroed.mkv", "plain.mkv", zeroed(0.4, 0.5), EITHER, "a tenth is zero"),
    _damaged("zeroed.ts", "plain.ts", zeroed(0.4, 0.5), EITHER, "a tenth is zero"),
    _damaged("zeroed_all.mp4", "plain.mp4", zeroed(0.1, 1), REFUSED_LATE, "all of it is zero but the index"),
    _damaged(
        "scrambled_all.mp4",
        "plain.mp4",
        lambda data: data[: len(data) // 10] + random.Random(1).randbytes(len(data) - len(data) // 10),
        REFUSED_LATE,
        "noise but the index",
    ),
    _written("empty.mp4", b"", "no byte"),
    _written("text.mp4", b"This is no film.\n" * 100, "text"),
    _written("noise.mp4", random.Random(2).randbytes(50_000), "noise"),
    _written("zeros.mkv", bytes(50_000), "zeros"),
    _written("zip.mp4", b"PK\x03\x04" + bytes(1000), "an archive"),
    _written("web.mp4", b"<!DOCTYPE html><html><body>404</body></html>\n", "a page of the web"),
    Recipe("directory.mp4", _directory, REFUSED, "a directory"),
    _names_others("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{film}\n#EXT-X-ENDLIST\n"),
    _names_others("list_as.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{film}\n#EXT-X-ENDLIST\n"),
    _names_others("list.ffconcat", "ffconcat version 1.0\nfile {film}\n"),
    _names_others("list_as.mkv", "ffconcat version 1.0\nfile {film}\n"),
    _names_others(
        "list.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
    ),
    _names_others(
        "list.mpd",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet>'
        '<Representation id="1"><BaseURL>{film}</BaseURL></Representation></AdaptationSet></Period></MPD>',
    ),
    Recipe(
        "subtitles_alone.srt",
        lambda kit, path: _write(path, b"1\n00:00:00,000 --> 00:00:01,000\nHello\n"),
        REFUSED,
        "subtitles alone",
    ),
    Recipe(
        "picture.jpg",
        lambda kit, path: kit.ffmpeg("-i", kit.film(Film(count=1)), path),
        Expected(verdict="refuse"),
        "a still picture",
    ),
]
