import io
from dataclasses import dataclass

import av
import pytest

from encoders import adts


@dataclass(frozen=True)
class Track:
    timescale: int
    channels: int


def aac_frames(track: Track) -> list[bytes]:
    codec = av.CodecContext.create("aac", "w")
    assert isinstance(codec, av.AudioCodecContext)
    codec.sample_rate, codec.format = track.timescale, av.AudioFormat("fltp")
    codec.layout = "stereo" if track.channels == 2 else "mono"
    frames = []
    for n in range(8):
        frame = av.AudioFrame("fltp", codec.layout.name, 1024)
        for plane in frame.planes:
            plane.update(bytes(4096))
        frame.sample_rate, frame.pts = track.timescale, 1024 * n
        frames += [bytes(packet) for packet in codec.encode(frame)]
    return frames + [bytes(packet) for packet in codec.encode(None)]


@pytest.mark.parametrize("track", [Track(48_000, 2), Track(44_100, 1), Track(44_100, 2)])
def test_the_header_tells_a_decoder_all_about_the_frame(track: Track) -> None:
    coded = aac_frames(track)
    data = b"".join(adts.frame(frame, track) for frame in coded)
    with av.open(io.BytesIO(data), format="aac") as container:
        stream = container.streams.audio[0]
        assert (stream.rate, stream.channels, stream.profile) == (track.timescale, track.channels, "LC")
        packets = [bytes(packet) for packet in container.demux(stream) if packet.size]
        assert [packet[7:] for packet in packets] == coded
    with av.open(io.BytesIO(data), format="aac") as container:
        decoded = sum(frame.samples for frame in container.decode(audio=0))
    assert decoded == 1024 * len(coded)


def test_the_largest_frame_size_fits() -> None:
    data = adts.frame(bytes(8191 - 7), Track(48_000, 2))
    assert (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5 == 8191 == len(data)


def test_a_rate_that_adts_cannot_name_is_an_error() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        adts.frame(b"abc", Track(12_345, 2))
