"""Faults in media, or in what playlists state of it, and the rules under which they must be found."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from tests.verifier.streams import (
    CAPTIONS,
    Plant,
    Published,
    declare_captions,
    edit,
    insert_unit,
    master,
    no_idr,
    shift_times,
)
from verifier import rulebook
from verifier.findings import Rule

AUDIO_RATE = 48_000


def swap(one: Path, other: Path) -> None:
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)


def drop_from_playlist(published: Published) -> None:
    published.edit("180p", r"#EXTINF:[^\n]*\n00001[^\n]*\n", "")


def shift_sound(published: Published, seconds: Fraction) -> None:
    for segment in published.segments("audio"):
        shift_times(segment, seconds, AUDIO_RATE)


def truncate(path: Path, share: float) -> None:
    """Keep a share of a file, and an odd number of bytes: no cut between two packets of MPEG-TS."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share) | 1])


def captions(published: Published) -> None:
    insert_unit(published.segment("180p", 1), CAPTIONS)


def undeclared_captions(published: Published) -> None:
    captions(published)
    published.edit_master(",CLOSED-CAPTIONS=NONE", "", 9)


def foreign_parameters(published: Published) -> None:
    """Put the sequence parameter set of another level into a segment."""
    insert_unit(published.segment("180p", 1), bytes.fromhex("6742c01eda02c15a7010"))


#: What is planted, under which rule it must be found, and words of the message.
MEDIA_FAULTS: dict[str, tuple[Plant, Rule, str]] = {
    "segment deleted": (lambda p: p.segment("180p", 1).unlink(), rulebook.AVAILABLE, "does not exist"),
    "playlist deleted": (lambda p: p.playlist("90p").unlink(), rulebook.AVAILABLE, "does not exist"),
    "segment empty": (lambda p: p.segment("180p", 1).write_bytes(b""), rulebook.AVAILABLE, "empty"),
    "segment of noise": (
        lambda p: p.segment("180p", 1).write_bytes(b"noise" * 99),
        rulebook.READABLE,
        "format",
    ),
    "segment cut off": (lambda p: truncate(p.segment("180p", 1), 0.5), rulebook.READABLE, ""),
    "segment left out": (drop_from_playlist, rulebook.DURATIONS, "EXTINF"),
    "segments swapped": (
        lambda p: swap(p.segment("180p", 0), p.segment("180p", 1)),
        rulebook.DURATIONS,
        "EXTINF",
    ),
    "EXTINF lies": (edit("180p", "#EXTINF:2.0", "#EXTINF:1.7"), rulebook.DURATIONS, "1.7"),
    "EXTINF too long": (edit("180p", "#EXTINF:2.0", "#EXTINF:2.4"), rulebook.DURATIONS, "2.4"),
    "no IDR": (lambda p: no_idr(p.segment("180p", 1)), rulebook.IDR_FIRST, "IDR"),
    "no IDR though independent": (
        lambda p: no_idr(p.segment("180p", 1)),
        rulebook.INDEPENDENT_TRUE,
        "independent",
    ),
    "IDR spacing": (lambda p: no_idr(p.segment("180p", 1)), rulebook.IDR_SPACING, "4.00"),
    "foreign parameter sets": (foreign_parameters, rulebook.PARAMETERS, ""),
    "captions against NONE": (captions, rulebook.CAPTIONS_NONE, "CLOSED-CAPTIONS=NONE"),
    "captions not declared": (undeclared_captions, rulebook.CAPTIONS_DECLARED, "declare"),
    "captions not there": (declare_captions, rulebook.CAPTIONS_THERE, "none"),
    "codec of another level": (master(r"avc1\.(....)..", r"avc1.\g<1>0b"), rulebook.CODECS_TRUE, "avc1"),
    "codec of another profile": (master(r"avc1\.....", "avc1.6400"), rulebook.CODECS_TRUE, "avc1"),
    "codec of higher level": (master(r"avc1\.(....)..", r"avc1.\g<1>34"), rulebook.CODECS_MORE, "avc1"),
    "codec of sound": (master("mp4a.40.2", "ac-3"), rulebook.CODECS_TRUE, "mp4a.40.2"),
    "codec of sound missing": (master(",mp4a.40.2", ""), rulebook.CODECS_TRUE, "mp4a.40.2"),
    "codec that is not there": (master("mp4a.40.2", "mp4a.40.2,ec-3"), rulebook.CODECS_MORE, "ec-3"),
    "RESOLUTION": (master("RESOLUTION=320x180", "RESOLUTION=640x360"), rulebook.RESOLUTION_TRUE, "320x180"),
    "FRAME-RATE": (master("FRAME-RATE=25.000", "FRAME-RATE=30.000"), rulebook.FRAME_RATE_TRUE, "25.000"),
    "VIDEO-RANGE": (master("FRAME-RATE", "VIDEO-RANGE=PQ,FRAME-RATE"), rulebook.RANGE_TRUE, "SDR"),
    "CHANNELS": (master('CHANNELS="2"', 'CHANNELS="6"'), rulebook.CHANNELS_TRUE, "2 channels"),
    "BANDWIDTH too small": (master(":BANDWIDTH=[0-9]*", ":BANDWIDTH=200000"), rulebook.PEAK_TRUE, "200000"),
    "BANDWIDTH too large": (master(":BANDWIDTH=[0-9]*", ":BANDWIDTH=9000000"), rulebook.PEAK_TRUE, "9000000"),
    "AVERAGE-BANDWIDTH": (
        master("AVERAGE-BANDWIDTH=[0-9]*", "AVERAGE-BANDWIDTH=100000"),
        rulebook.AVERAGE_TRUE,
        "100000",
    ),
    "sound shifted by 200 ms": (
        lambda p: shift_sound(p, Fraction(1, 5)),
        rulebook.VOD_START,
        "the sound starts +",
    ),
    "sound shifted by 800 ms": (
        lambda p: shift_sound(p, Fraction(4, 5)),
        rulebook.SYNC,
        "the sound starts +",
    ),
    "sound cut short": (
        edit("audio", r"#EXTINF:[^\n]*\n00002[^\n]*\n", ""),
        rulebook.SAME_LENGTH,
        "ends",
    ),
    "picture cut short": (
        edit("90p", r"#EXTINF:[^\n]*\n00002[^\n]*\n", ""),
        rulebook.SAME_START,
        "ends",
    ),
    "encrypted": (
        edit("180p", "^#EXTINF", '#EXT-X-KEY:METHOD=AES-128,URI="k"\n#EXTINF'),
        rulebook.ENCRYPTED,
        "not looked into",
    ),
}
