"""Measuring a rendition: every segment is fetched once, looked into, and let go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from verifier import rulebook
from verifier.decoding import FirstPictures
from verifier.fetch import Fetched, Fetcher, MissingError, Span
from verifier.findings import Scope
from verifier.locations import Location
from verifier.media.model import SegmentMedia, TrackPart
from verifier.media.read import EncryptedMediaError, Init, read_init_section, read_segment
from verifier.playlists.model import InitSection, MediaPlaylist, Segment
from verifier.stream import MeasuredSegment, Rendition

#: Told of each segment that is done.
Progress = Callable[[], None]


class Measurer:
    """Looks into renditions. Init segments are read once, whoever names them."""

    def __init__(self, fetcher: Fetcher, progress: Progress) -> None:
        self._fetcher = fetcher
        self._progress = progress
        self._inits: dict[InitSection, Init | None] = {}
        self._pictures = FirstPictures()

    def finish(self) -> None:
        """Decode what is left to be decoded of all renditions together."""
        self._pictures.flush()

    def measure(self, name: str, playlist: MediaPlaylist, scope: Scope) -> Rendition:
        """Fetch all segments of a playlist and look into them.

        Raises:
            ServiceError: A server cannot be reached.
        """
        measured: list[MeasuredSegment] = []
        near: int | None = None
        encrypted = False
        for segment in playlist.segments:
            if segment.encrypted or encrypted:
                encrypted = True
                measured.append(MeasuredSegment(segment, None))
                continue
            try:
                one = self._one(segment, near, scope)
            except EncryptedMediaError:
                encrypted = True
                one = MeasuredSegment(segment, None)
            if one.media is not None:
                media = _with_known_frames(one.media, measured)
                # Segments of I-frame playlists are pieces of others, which need not be whole (3.3).
                for rule, message in () if playlist.iframes_only else media.problems:
                    scope.add(rule, message, segment.at)
                video = media.part("video")
                if video is not None and not playlist.iframes_only:
                    self._pictures.add(scope, segment, video)
                near = media.parts[0].first_dts if media.parts else near
                one = replace(one, media=_without_units(media))
            measured.append(one)
            self._progress()
        if encrypted:
            scope.add(rulebook.ENCRYPTED, "the media is encrypted and was not looked into")
        looked_into = not encrypted and any(one.media is not None for one in measured)
        return Rendition(name, playlist, tuple(measured), looked_into, encrypted, scope)

    def _one(self, segment: Segment, near: int | None, scope: Scope) -> MeasuredSegment:
        init = None
        if segment.init is not None:
            init = self._init(segment.init, scope)
            if init is None:
                return MeasuredSegment(segment, None)
        fetched = None
        if segment.location is not None and not segment.gap:
            fetched = self._fetch(segment.location, segment.span, scope, segment.at)
        if fetched is None:
            return MeasuredSegment(segment, None)
        media, subtitles = read_segment(fetched.data, init, near)
        return MeasuredSegment(segment, media, subtitles)

    def _init(self, section: InitSection, scope: Scope) -> Init | None:
        if section not in self._inits:
            fetched = self._fetch(section.location, section.span, scope, "init segment")
            init = read_init_section(fetched.data) if fetched is not None else None
            self._inits[section] = init
            if init is not None and init.mp4 is not None:
                for rule, message in init.mp4.problems:
                    scope.add(rule, message, "init segment")
        return self._inits[section]

    def _fetch(self, location: Location, span: Span | None, scope: Scope, at: str) -> Fetched | None:
        try:
            fetched = self._fetcher.fetch(location, span)
        except MissingError as error:
            scope.add(rulebook.AVAILABLE, str(error), at)
            return None
        if fetched.redirected:
            scope.add(rulebook.REDIRECTED, "it is behind a redirect", at)
        return fetched


def _with_known_frames(media: SegmentMedia, before: list[MeasuredSegment]) -> SegmentMedia:
    """Let a lone frame of MPEG-TS last as long as those of the segment before: nothing else tells."""
    previous = next((one.media for one in reversed(before) if one.media is not None), None)

    def known(part: TrackPart) -> TrackPart:
        other = previous.part(part.config.kind) if previous is not None else None
        if part.count > 1 or part.end_dts > part.first_dts or other is None:
            return part
        frame = other.shortest
        return replace(
            part,
            end_dts=part.first_dts + frame,
            end_pts=part.first_pts + frame,
            shortest=frame,
            longest=frame,
        )

    return replace(media, parts=tuple(known(part) for part in media.parts))


def _without_units(media: SegmentMedia) -> SegmentMedia:
    return replace(media, parts=tuple(replace(part, first_unit=b"") for part in media.parts))
