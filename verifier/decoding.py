"""Decoding, in child processes: media may come from anyone, and decoders are where it could do harm."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from gopfarm.child.parent import ChildDiedError, run_in_child
from gopfarm.errors import SourceError
from verifier import rulebook
from verifier.findings import Scope
from verifier.media.model import TrackPart
from verifier.playlists.model import Segment

_PICTURES = "verifier.child:decode_pictures"
_WHOLE = "verifier.child:decode_whole"

#: Bytes of pictures that are collected before a child decodes them.
_BATCH_BYTES = 32 << 20

#: Seconds that decoding may take: a base, and one more for so many bytes.
_BASE_SECONDS = 60.0
_BYTES_PER_SECOND = 200_000

_CODINGS = frozenset({"h264", "hevc"})


class FirstPictures:
    """Proves that the first picture of each segment decodes with the parameter sets of its init segment."""

    def __init__(self) -> None:
        self._units: list[tuple[Scope, Segment, TrackPart]] = []
        self._bytes = 0

    def add(self, scope: Scope, segment: Segment, part: TrackPart) -> None:
        """Take the first picture of a segment. Those that are no IDR pictures are another rule's matter."""
        if part.config.coding not in _CODINGS or not part.starts_with_key:
            return
        self._units.append((scope, segment, part))
        self._bytes += len(part.first_unit)
        if self._bytes >= _BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Decode what has been collected and report what does not decode."""
        units, self._units, self._bytes = self._units, [], 0
        if not units:
            return
        data = b"".join(part.first_unit for _, _, part in units)
        request = [
            [part.config.coding, part.config.extradata.hex(), len(part.first_unit)] for _, _, part in units
        ]
        try:
            answer = run_in_child(
                _PICTURES, json.dumps(request).encode(), io.BytesIO(data), len(data), _limit(len(data))
            )
        except (ChildDiedError, TimeoutError) as error:
            units[0][0].add(rulebook.DECODES, f"decoding the first pictures fails: {error}")
            return
        for (scope, segment, part), (width, height, problem) in zip(units, json.loads(answer), strict=True):
            expected = (part.config.width, part.config.height)
            if problem:
                scope.add(rulebook.DECODES, f"its first picture does not decode ({problem})", segment.at)
            elif part.config.coding == "h264" and (width, height) != expected:
                scope.add(
                    rulebook.DECODES,
                    f"its pictures are {width}x{height}, its init segment says {expected[0]}x{expected[1]}",
                    segment.at,
                )


@dataclass(frozen=True)
class Decoded:
    """What decoding a whole file gave. Times are seconds on its clock; None where it has no such stream.

    ``frames`` are shown pictures, ``damaged`` packets that did not decode. ``sound`` is the beginning of the
    sound: mono, ``SOUND_RATE`` samples a second, from ``sound_start`` on.
    """

    frames: int
    damaged: int
    picture_start: Fraction | None
    sound_start: Fraction | None
    sound_end: Fraction | None
    sound: NDArray[np.float32]


def decode_whole(
    source: BinaryIO,
    size: int,
    name: str,
    picture: bool,
    sound_stream: int | None,
    progress: Callable[[], None],
) -> Decoded:
    """Decode a file from start to end.

    Args:
        source: The file, seekable.
        size: Its bytes.
        name: How messages call it.
        picture: Whether to decode its first video stream.
        sound_stream: Number of the stream of sound to decode; -1 for the first, None for none.
        progress: Asked now and then; it may raise to stop.

    Raises:
        SourceError: It cannot be decoded at all.
    """

    def wanted() -> bool:
        progress()
        return True

    request = json.dumps([name, picture, sound_stream]).encode()
    try:
        answer = json.loads(
            run_in_child(_WHOLE, request, cast("io.BytesIO", source), size, _limit(size), wanted)
        )
    except ChildDiedError:
        raise SourceError(f"{name}: decoding it crashes the decoder") from None
    except TimeoutError:
        raise SourceError(f"{name}: it could not be decoded in time") from None

    def time(value: str | None) -> Fraction | None:
        return Fraction(value) if value is not None else None

    return Decoded(
        frames=answer["frames"],
        damaged=answer["damaged"],
        picture_start=time(answer["picture_start"]),
        sound_start=time(answer["sound_start"]),
        sound_end=time(answer["sound_end"]),
        sound=np.frombuffer(base64.b64decode(answer["sound"]), np.int16).astype(np.float32),
    )


def _limit(size: int) -> float:
    return _BASE_SECONDS + size / _BYTES_PER_SECOND
