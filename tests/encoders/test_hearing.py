"""Audio tracks as they really are: those that change on the way, lie in their headers, or cannot be used."""

from __future__ import annotations

import io
import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from encoders.probe import probe
from gopfarm.errors import SourceError
from gopfarm.facts import SourceRef
from gopfarm.plan import AudioTask
from tests.encoders.bursts import RATE, Sound, burst_at
from tests.encoders.clips import Clips, encode, ffmpeg, join, look, plan_of, sound_of

#: Seconds that each part of a joined source lasts, and when in it a burst is heard.
PART = 2.0
BURST = 1.0

NOISE = "aevalsrc='0.5*(random(0)*2-1)*between(t,1,1.1)':d={seconds}:s=48000,lowpass=f=3000"


def part(path: Path, *encoder: str, rate: int = 48_000, layout: str = "stereo", offset: float = 0.0) -> bytes:
    """Make a part of a source, with a burst in its middle that is the same in all channels."""
    channels = av.AudioLayout(layout).nb_channels
    pan = f"pan={layout}|" + "|".join(f"c{n}={0.3 if channels > 2 else 0.8}*c0" for n in range(channels))
    ffmpeg(
        *("-f", "lavfi", "-i", f"{NOISE.format(seconds=PART)},{pan},aresample={rate}", *encoder),
        *("-output_ts_offset", str(offset), str(path)),
    )
    return path.read_bytes()


def burst() -> Sound:
    raw = ffmpeg("-f", "lavfi", "-i", NOISE.format(seconds=PART), "-ar", str(RATE), "-f", "f32le", "-")
    return np.frombuffer(raw, np.float32)[round(BURST * RATE) :][: RATE // 10]


def encoded(path: Path, scratch: Path, **options: Any) -> tuple[Any, Sound]:
    plan = plan_of(path, heights=(48,), **options)
    encode(plan, path, scratch)
    start, sound = sound_of(join(scratch, plan.audio[0].name))
    assert start == 0
    return plan, sound[0]


SHAPES = {
    "stereo, 5.1, stereo": [(48_000, "stereo"), (48_000, "5.1"), (48_000, "stereo")],
    "48, 44.1, 32 kHz": [(48_000, "stereo"), (44_100, "stereo"), (32_000, "stereo")],
    "mono, stereo": [(48_000, "mono"), (48_000, "stereo")],
}


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("codec", ["ac3", "aac"])
def test_a_broadcast_that_changes_its_sound_goes_on_in_its_place(
    codec: str, shapes: str, tmp_path: Path
) -> None:
    film = b""
    for number, (rate, layout) in enumerate(SHAPES[shapes]):
        one = tmp_path / f"{number}.ts"
        film += part(one, "-c:a", codec, "-b:a", "256k", rate=rate, layout=layout, offset=10 + number * PART)
    path = tmp_path / "film.ts"
    path.write_bytes(film)
    plan, sound = encoded(path, tmp_path / "out")
    first = plan.facts.audio[0].start
    with av.open(str(tmp_path / "0.ts")) as container:
        assert first == next(iter(container.decode(audio=0))).pts * Fraction(1, 90_000)
    # ffmpeg's encoders are late by their own delay, which depends on codec and rate and is not the farm's.
    lates = [burst_at(burst(), n * PART + BURST, 0.0, sound).late for n in range(len(SHAPES[shapes]))]
    delay = lates[0]
    assert 0 <= delay < 0.03
    assert all(abs(late - delay) < 0.012 for late in lates), lates


def test_a_lost_packet_is_silence_and_the_rest_stays_in_its_place(tmp_path: Path) -> None:
    part(tmp_path / "whole.mkv", "-c:a", "aac")
    path = tmp_path / "lost.mkv"
    with av.open(str(tmp_path / "whole.mkv")) as source, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(source.streams.audio[0])
        for number, packet in enumerate(source.demux(audio=0)):
            if packet.dts is not None and number not in (20, 21, 30):
                packet.stream = stream
                out.mux(packet)
    whole, lost = (encoded(one, tmp_path / one.stem)[1] for one in (tmp_path / "whole.mkv", path))
    assert len(whole) == len(lost)
    for sound in (whole, lost):
        assert abs(burst_at(burst(), BURST, 0.0, sound).late) < 0.001


def test_damaged_packets_are_counted_and_the_rest_stays_in_its_place(tmp_path: Path) -> None:
    part(tmp_path / "whole.mp4", "-c:a", "flac", "-movflags", "+faststart")
    with av.open(str(tmp_path / "whole.mp4")) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(audio=0) if packet.size]
    data = bytearray((tmp_path / "whole.mp4").read_bytes())
    for number in (3, 4, 15):
        at, size = places[number]
        data[at : at + size] = b"\xff\x00" * (size // 2) + b"\0" * (size % 2)
    path = tmp_path / "damaged.mp4"
    path.write_bytes(data)
    plan = plan_of(path, heights=(48,))
    (result,) = encode(plan, path, tmp_path / "out")
    assert result.frames_damaged == 3
    _, sound = sound_of(join(tmp_path / "out", plan.audio[0].name))
    assert abs(burst_at(burst(), BURST, 0.0, sound[0]).late) < 0.0001


def test_a_recorder_whose_clock_ran_fast_is_followed(tmp_path: Path) -> None:
    """Timestamps that advance 1.0005 seconds for each second of samples."""
    path = tmp_path / "drift.mkv"
    seconds = 60
    chirp = "aevalsrc='0.5*sin(2*PI*(500+9000*mod(t,10))*mod(t,10))*lt(mod(t,10),0.1)':d=60:s=48000"
    ffmpeg("-f", "lavfi", "-i", chirp, "-c:a", "aac", "-b:a", "192k", str(tmp_path / "steady.mkv"))
    with av.open(str(tmp_path / "steady.mkv")) as source, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.dts is not None and packet.pts is not None:
                packet.pts = packet.dts = round(packet.pts * 1.0005)
                packet.stream = stream
                out.mux(packet)
    plan, sound = encoded(path, tmp_path / "out")
    assert abs(plan.facts.audio[0].duration - Fraction(10005, 10000) * seconds) < Fraction(1, 10)
    raw = ffmpeg("-f", "lavfi", "-i", chirp, "-f", "f32le", "-t", "0.1", "-")
    heard = np.frombuffer(raw, np.float32)
    for at in range(10, seconds, 10):
        assert abs(burst_at(heard, at * 1.0005, 0.0, sound).late) < 0.012


# Tracks that cannot be used


def test_a_track_that_cannot_be_decoded_is_left_out_with_the_reason(clip: Clips, tmp_path: Path) -> None:
    path = tmp_path / "two.mkv"
    ffmpeg(
        "-i", str(clip("closed.mp4")), *("-map", "0:v", "-map", "0:a", "-map", "0:a"), "-c", "copy", str(path)
    )
    noise = np.random.default_rng(1)
    damaged = tmp_path / "damaged.mkv"
    with av.open(str(path)) as source, av.open(str(damaged), "w") as out:
        streams = [out.add_stream_from_template(stream) for stream in source.streams]
        for packet in source.demux():
            if packet.dts is None:
                continue
            target = streams[packet.stream_index]
            if packet.stream_index == 2:
                broken = av.Packet(noise.integers(0, 256, packet.size, np.uint8).tobytes())
                broken.pts, broken.dts, broken.time_base = packet.pts, packet.dts, packet.time_base
                packet = broken
            packet.stream = target
            out.mux(packet)
    facts = look(damaged)
    assert [track.stream for track in facts.audio] == [1]
    assert [(track.stream, track.codec, track.reason) for track in facts.ignored] == [
        (2, "aac", "its sound cannot be decoded")
    ]
    plan = plan_of(damaged, heights=(48,))
    assert [track.name for track in plan.audio] == ["audio-und-0"]


def test_a_track_without_packets_is_left_out(clip: Clips, tmp_path: Path) -> None:
    path = tmp_path / "empty.mkv"
    with av.open(str(clip("closed.mp4"))) as source, av.open(str(path), "w") as out:
        streams = [out.add_stream_from_template(stream) for stream in source.streams]
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = streams[0]
                out.mux(packet)
    facts = look(path)
    assert facts.audio == ()
    assert [(track.codec, track.reason) for track in facts.ignored] == [("aac", "it is empty")]
    assert facts.video is not None


def test_sound_alone_that_cannot_be_decoded_is_refused(tmp_path: Path) -> None:
    part(tmp_path / "whole.mp4", "-c:a", "flac", "-movflags", "+faststart")
    with av.open(str(tmp_path / "whole.mp4")) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(audio=0) if packet.size]
    data = bytearray((tmp_path / "whole.mp4").read_bytes())
    for at, size in places:
        data[at : at + size] = bytes(size)
    with pytest.raises(SourceError, match="neither picture nor sound that can be decoded"):
        probe(io.BytesIO(data), SourceRef("film.mp4", len(data), ""))


def test_every_track_keeps_its_language_title_and_default(clip: Clips, tmp_path: Path) -> None:
    path = tmp_path / "many.mkv"
    ffmpeg(
        *(
            "-i",
            str(clip("closed.mp4")),
            "-map",
            "0:v",
            "-map",
            "0:a",
            "-map",
            "0:a",
            "-map",
            "0:a",
            "-c",
            "copy",
        ),
        *(
            "-metadata:s:a:0",
            "language=eng",
            "-metadata:s:a:1",
            "language=fra",
            "-metadata:s:a:1",
            "title=Le son",
        ),
        *("-disposition:a:0", "0", "-disposition:a:1", "default", "-disposition:a:2", "0", str(path)),
    )
    plan = plan_of(path, heights=(48,))
    assert [(track.name, track.title, track.default) for track in plan.audio] == [
        ("audio-eng-0", "", False),
        ("audio-fra-1", "Le son", True),
        ("audio-und-2", "", False),
    ]
    tasks = [task for task in plan.tasks if isinstance(task, AudioTask)]
    assert len({task.rendition.stream for task in tasks}) == 3


def test_more_channels_than_can_be_mixed_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "many.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(255)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes(255 * 2 * 4000))
    with pytest.raises(SourceError, match="neither picture nor sound that can be decoded"):
        look(path)
