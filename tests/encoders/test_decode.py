"""What counts as damage, and what does not."""

from __future__ import annotations

from av.packet import Packet
from av.video.frame import VideoFrame

from encoders.decode import DecodeCounts, decode


def test_an_empty_packet_repeats_a_picture_and_is_no_damage() -> None:
    """Theora in Ogg sends them for pictures that stay."""
    empty: Packet[None] = Packet(0)
    empty.pts = 5
    counts = DecodeCounts(frames=1)
    assert list(decode([empty], VideoFrame, counts)) == []
    assert counts.damaged == 0
