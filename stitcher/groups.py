"""Audio groups of HLS: the tracks of a presentation, once for each kind of sound they are published in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stitcher.presentation import AudioStream

#: GROUP-ID of the renditions that every player takes, and of those with 5.1 where a track has it.
AUDIO_GROUP = "audio"
SURROUND_GROUP = "audio-surround"


@dataclass(frozen=True)
class AudioGroup:
    """Renditions of which one plays at a time; exactly one of them is the default."""

    id: str
    streams: tuple[AudioStream, ...]

    @property
    def default(self) -> AudioStream:
        """The rendition that plays unless the viewer chooses another."""
        return next(stream for stream in self.streams if stream.label.default)


def audio_groups(audio: Sequence[AudioStream]) -> tuple[AudioGroup, ...]:
    """Return the groups of a presentation's audio renditions; none if it has none.

    All groups have the same members by name, language and order (RFC 8216 section 4.3.4.1.1), so a track
    without surround is in both with the one rendition that it has.
    """
    plain = tuple(stream for stream in audio if not stream.rendition.surround)
    surround = {stream.rendition.stream: stream for stream in audio if stream.rendition.surround}
    groups = [AudioGroup(AUDIO_GROUP, plain)] if plain else []
    if surround:
        members = tuple(surround.get(stream.rendition.stream, stream) for stream in plain)
        groups.append(AudioGroup(SURROUND_GROUP, members))
    return tuple(groups)
