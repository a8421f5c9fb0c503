"""Sound keeps its place: a click at a known time of the source is heard at that time of the stream."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from encoders.aac import AAC_FRAME, PRIMING
from gopfarm.plan import AudioTask, Plan
from tests.encoders.clips import Clips, complaints, encode, ffmpeg, join, look, plan_of, run, sound_of

#: Half of what lip sync tests can see, and the farm's own promise.
PLACE = 0.005

SECONDS = 3
CLICKS = (0.5, 1.25, 2.5)


@dataclass(frozen=True)
class Sound:
    """How a source's sound is made: its clock starts ``start`` seconds after the picture's."""

    rate: int = 48_000
    layout: str = "stereo"
    codec: str = "pcm_s16le"
    start: float = 0.0
    #: Nothing is written between these times of the sound's own clock.
    gap: tuple[float, float] | None = None
    suffix: str = "mov"
    picture: bool = True


def clicking(sound: Sound) -> NDArray[np.int16]:
    """Samples with short bursts at the times ``CLICKS`` of the published timeline, in all channels."""
    count = SECONDS * sound.rate
    mono = np.zeros(count)
    for click in CLICKS:
        at = round((click - sound.start) * sound.rate)
        burst = np.sin(np.arange(sound.rate // 100) * 2 * np.pi * 2000 / sound.rate) * 0.8
        if 0 <= at < count - len(burst):
            mono[at : at + len(burst)] = burst
    channels = av.AudioLayout(sound.layout).nb_channels
    return np.repeat((mono * 32_000).astype(np.int16), channels).reshape(1, -1)


def write(path: Path, sound: Sound) -> None:
    with av.open(str(path), "w") as out:
        if sound.picture:
            video = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
            assert isinstance(video, av.VideoStream)
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = out.add_stream(sound.codec, rate=sound.rate)
        assert isinstance(audio, av.AudioStream)
        audio.codec_context.layout = sound.layout
        packets: list[Any] = []
        # A start before 0 is one of the picture after 0.
        late = max(0.0, -sound.start)
        if sound.picture:
            for n in range(25 * SECONDS):
                frame = av.VideoFrame(64, 48, "yuv420p")
                frame.pts, frame.time_base = n + round(late * 25), Fraction(1, 25)
                packets += video.encode(frame)
            packets += video.encode(None)
        samples = clicking(sound)
        channels = av.AudioLayout(sound.layout).nb_channels
        shift = round((sound.start + late) * sound.rate)
        for at in range(0, samples.shape[1] // channels, 1024):
            if sound.gap and sound.gap[0] <= at / sound.rate < sound.gap[1]:
                continue
            block = samples[:, at * channels : (at + 1024) * channels]
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout=sound.layout)
            frame.sample_rate, frame.pts, frame.time_base = sound.rate, at + shift, Fraction(1, sound.rate)
            packets += audio.encode(frame)
        packets += audio.encode(None)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            out.mux(packet)


def clicks_in(path: Path) -> list[float]:
    """Return the times at which a click begins."""
    start, samples = sound_of(path)
    loud = np.abs(samples).max(axis=0) > 0.2
    times = np.nonzero(loud)[0] / 48_000 + start
    return [float(time) for n, time in enumerate(times) if n == 0 or time - times[n - 1] > 0.05]


def published(path: Path, scratch: Path, **options: Any) -> tuple[Plan, Path]:
    plan = plan_of(path, heights=(48,), **options)
    encode(plan, path, scratch)
    return plan, join(scratch, plan.audio[0].name)


def planned_samples(plan: Plan) -> int:
    return sum(segment.length for segment in plan.audio_segments[0])


CASES = {
    "as it is": Sound(),
    "late by 100 ms": Sound(start=0.1),
    "late by 800 ms": Sound(start=0.8),
    "early by 200 ms": Sound(start=-0.2),
    "early by 40 ms": Sound(start=-0.04),
    "with a gap": Sound(gap=(1.6, 2.1), suffix="mkv"),
    "with a gap in which a click is lost": Sound(gap=(1.1, 1.8), suffix="mkv"),
    "mono": Sound(layout="mono"),
    "5.1": Sound(layout="5.1"),
    "44.1 kHz": Sound(rate=44_100),
    "22.05 kHz": Sound(rate=22_050, layout="mono"),
    "96 kHz": Sound(rate=96_000),
    "FLAC in Matroska": Sound(codec="flac", suffix="mkv"),
    "without a picture": Sound(picture=False),
    "late by 100 ms and 44.1 kHz in Matroska": Sound(rate=44_100, start=0.1, suffix="mkv"),
}


@pytest.mark.parametrize("segment_format", ["cmaf", "ts"])
@pytest.mark.parametrize("case", CASES)
def test_sound_stays_in_its_place(case: str, segment_format: Any, tmp_path: Path) -> None:
    sound = CASES[case]
    path = tmp_path / f"film.{sound.suffix}"
    write(path, sound)
    plan, joined = published(path, tmp_path / "out", segment_format=segment_format)
    offset = 10 if segment_format == "ts" else 0
    # Clicks are counted from the first picture, which early sound makes start later.
    found = [time - offset - float(plan.video_start) for time in clicks_in(joined)]
    silent = sound.gap or (-9.0, sound.start)
    expected = [click for click in CLICKS if not silent[0] <= click < silent[1]]
    assert found == pytest.approx(expected, abs=PLACE)
    assert complaints(joined) == ""
    start, samples = sound_of(joined)
    first = plan.audio_segments[0][0].start / 48_000
    assert start - offset == pytest.approx(first, abs=0.001)
    # Decoders give the last AAC frame whole, whatever its duration says.
    assert 0 <= samples.shape[1] - planned_samples(plan) < AAC_FRAME
    length = Fraction(planned_samples(plan), 48_000)
    assert abs(first + length - (SECONDS + Fraction(sound.start) + plan.video_start)) < Fraction(3, 100)


def test_every_channel_of_stereo_keeps_its_side(tmp_path: Path) -> None:
    path = tmp_path / "left.wav"
    ffmpeg("-f", "lavfi", "-i", "aevalsrc=0.5*sin(2000*t)|0:s=48000:d=1", str(path))
    _, joined = published(path, tmp_path / "out")
    _, samples = sound_of(joined)
    left, right = np.abs(samples[:, 5000:-5000]).mean(axis=1)
    assert left > 0.25
    assert right < 0.01


def test_a_long_sound_is_not_cut_into_pieces_that_click(clip: Clips, tmp_path: Path) -> None:
    """A tone with nothing but itself in it: a joint would be heard at other frequencies."""
    plan, joined = published(clip("sound.m4a"), tmp_path)
    assert len(plan.audio_segments[0]) > 5
    _, samples = sound_of(joined)
    for segment in plan.audio_segments[0][1:]:
        around = samples[0, segment.start - 2048 : segment.start + 2048]
        spectrum = np.abs(np.fft.rfft(around * np.hanning(len(around))))
        tone = round(440 / 48_000 * len(around))
        away = np.concatenate([spectrum[: tone - 8], spectrum[tone + 8 :]])
        assert away.max() < spectrum.max() / 300  # 50 dB: the noise of AAC itself is below


def test_segments_hold_the_planned_samples_and_start_on_aac_frames(clip: Clips, tmp_path: Path) -> None:
    plan = plan_of(clip("closed.mp4"))
    task = next(task for task in plan.tasks if isinstance(task, AudioTask))
    result = run(task, clip("closed.mp4"), tmp_path).renditions[0]
    assert [segment.length for segment in result.segments] == [segment.length for segment in task.segments]
    assert all((segment.start - task.segments[0].start) % AAC_FRAME == 0 for segment in task.segments)
    init = (tmp_path / result.rendition / "init.mp4").read_bytes()
    for segment, planned in zip(result.segments, task.segments, strict=True):
        data = init + (tmp_path / result.rendition / segment.file).read_bytes()
        (tmp_path / "one.mp4").write_bytes(data)
        with av.open(str(tmp_path / "one.mp4")) as container:
            packets = [packet for packet in container.demux(audio=0) if packet.size]
        first = planned.start - (PRIMING if planned.number == 0 else 0)
        if planned.number:
            assert packets[0].pts == first
        assert sum(packet.duration or 0 for packet in packets) == planned.end - first


def test_priming_is_taken_off_by_the_edit_list(clip: Clips, tmp_path: Path) -> None:
    plan, _ = published(clip("sound.m4a"), tmp_path)
    init = (tmp_path / plan.audio[0].name / "init.mp4").read_bytes()
    at = init.index(b"elst") + 4
    version, count, duration, media_time = struct.unpack_from(">IIIi", init, at)
    assert (version, count, duration, media_time) == (0, 1, 0, PRIMING)


def test_the_language_is_written_into_the_init_segment(clip: Clips, tmp_path: Path) -> None:
    path = tmp_path / "french.mp4"
    ffmpeg("-i", str(clip("sound.m4a")), "-c", "copy", "-metadata:s:a:0", "language=fra", str(path))
    plan, joined = published(path, tmp_path / "out")
    assert plan.audio[0].name == "audio-fra-0"
    with av.open(str(joined)) as container:
        assert container.streams.audio[0].language == "fra"


def test_mono_and_44100_can_be_asked_for(clip: Clips, tmp_path: Path) -> None:
    _, joined = published(clip("sound.m4a"), tmp_path, channels=1, sample_rate=44_100)
    with av.open(str(joined)) as container:
        context = container.streams.audio[0].codec_context
        assert (context.sample_rate, context.channels) == (44_100, 1)
    _, samples = sound_of(joined)
    assert 0 <= samples.shape[1] - 6 * 44_100 < AAC_FRAME


def test_surround_can_be_had_besides_stereo(tmp_path: Path) -> None:
    write(tmp_path / "film.mkv", Sound(suffix="mkv", codec="ac3", layout="5.1"))
    plan = plan_of(tmp_path / "film.mkv", heights=(48,), surround={"bitrate": "384k"})
    encode(plan, tmp_path / "film.mkv", tmp_path)
    assert [(track.name, track.channels) for track in plan.audio] == [
        ("audio-und-0", 2),
        ("audio-und-0-surround", 6),
    ]
    for track in plan.audio:
        joined = join(tmp_path, track.name)
        with av.open(str(joined)) as container:
            assert container.streams.audio[0].codec_context.layout.nb_channels == track.channels
        assert clicks_in(joined) == pytest.approx(CLICKS, abs=PLACE)
        assert complaints(joined) == ""


def test_surround_goes_into_transport_streams_too(tmp_path: Path) -> None:
    write(tmp_path / "film.mkv", Sound(suffix="mkv", codec="ac3", layout="5.1"))
    plan = plan_of(tmp_path / "film.mkv", heights=(48,), segment_format="ts", surround={"bitrate": "384k"})
    encode(plan, tmp_path / "film.mkv", tmp_path)
    joined = join(tmp_path, "audio-und-0-surround")
    with av.open(str(joined)) as container:
        assert container.streams.audio[0].codec_context.layout.name == "5.1"
    assert complaints(joined) == ""


def test_a_mix_of_loud_channels_is_kept_below_full_scale(tmp_path: Path) -> None:
    path = tmp_path / "loud.wav"
    loud = "|".join(["0.9*sin(2000*t)"] * 6)
    ffmpeg("-f", "lavfi", "-i", f"aevalsrc={loud}:s=48000:d=2:c=5.1", str(path))
    _, joined = published(path, tmp_path / "out")
    _, samples = sound_of(joined)
    middle = np.abs(samples[:, 9600:-9600]).max(axis=1)
    assert middle == pytest.approx([1, 1], abs=0.05)


def test_a_track_shorter_than_its_plan_ends_in_silence(clip: Clips, tmp_path: Path) -> None:
    facts = look(clip("sound.m4a"))
    longer = replace(facts, audio=(replace(facts.audio[0], duration=Fraction(8)),))
    plan = plan_of(clip("sound.m4a"), facts=longer)
    encode(plan, clip("sound.m4a"), tmp_path)
    _, samples = sound_of(join(tmp_path, plan.audio[0].name))
    assert samples.shape[1] == 8 * 48_000
    assert np.abs(samples[:, : 5 * 48_000]).max() > 0.05
    assert np.abs(samples[:, round(6.1 * 48_000) :]).max() < 0.001
