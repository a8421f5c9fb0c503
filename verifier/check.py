"""The whole check, from an address to a report: read the playlists, measure the media, apply the rules."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from gopfarm.errors import SourceError
from verifier import rulebook
from verifier.fetch import MAX_PLAYLIST, Fetched, Fetcher, MissingError, fetch_playlist
from verifier.findings import Findings, Scope
from verifier.locations import Location, RefusedError, locate, resolve
from verifier.measure import Measurer
from verifier.playlists.groups import judge_groups
from verifier.playlists.media import read_media
from verifier.playlists.model import MediaPlaylist, MultivariantPlaylist
from verifier.playlists.multivariant import read_multivariant
from verifier.playlists.tags import is_multivariant
from verifier.playlists.text import Line, read_lines
from verifier.playlists.variants import has_video, judge_cellular, judge_variants
from verifier.report import Report, make_report
from verifier.rules.alignment import judge_alignment
from verifier.rules.declared import judge_declared
from verifier.rules.rates import judge_rates
from verifier.rules.segments import judge_rendition
from verifier.rules.source import judge_source
from verifier.rules.subtitles import judge_subtitles
from verifier.stream import GroupMember, Rendition, Stream, VariantStream

_PLAYLIST_TYPES = ("application/vnd.apple.mpegurl", "audio/mpegurl", "application/x-mpegurl")

Progress = Callable[[], None]


def _no_progress() -> None:
    return None


def verify(url: str, source: str | None = None, progress: Progress = _no_progress) -> Report:
    """Check a published stream.

    Args:
        url: Of its multivariant playlist, or of one media playlist: path, ``file://``, ``s3://`` or http(s).
        source: Of the video that it was made from, to be compared with it.
        progress: Called whenever a segment is done.

    Raises:
        SpecError: An address is of no allowed form.
        SourceError: The address leads to no playlist, or the source cannot be used.
        ServiceError: A server cannot be reached.
    """
    location = locate(url)
    findings = Findings()
    with closing(Fetcher()) as fetcher:
        reader = _Reader(fetcher, findings, progress)
        stream = reader.read(location)
        reader.finish()
        _judge(stream)
        facts = judge_source(stream, fetcher, source, progress) if source is not None else None
        return make_report(location.shown(), findings.sorted(), stream, facts)


def _judge(stream: Stream) -> None:
    """Apply all rules that need no source."""
    master = stream.master
    for rendition in stream.renditions:
        independent = rendition.playlist.independent or (master is not None and master.independent)
        judge_rendition(rendition, independent)
    judge_alignment(stream)
    judge_subtitles(stream)
    if master is None:
        return
    judge_declared(stream)
    judge_rates(stream)
    videos = [one for one in stream.variants if one.variant is not None and has_video(one.variant)]
    if not master.independent and not all(one.rendition.playlist.independent for one in videos):
        stream.scope.add(rulebook.INDEPENDENT, "EXT-X-INDEPENDENT-SEGMENTS is missing")
    longest = max((float(rendition.playlist.duration) for rendition in stream.renditions), default=0.0)
    judge_cellular(master, longest, stream.scope)


class _Reader:
    """Reads and measures everything that a playlist leads to, each playlist once."""

    def __init__(self, fetcher: Fetcher, findings: Findings, progress: Progress) -> None:
        self._fetcher = fetcher
        self._findings = findings
        self._measurer = Measurer(fetcher, progress)
        self._renditions: dict[Location, Rendition | None] = {}

    def read(self, location: Location) -> Stream:
        """Read the stream whose multivariant or media playlist lies at ``location``."""
        fetched = fetch_playlist(self._fetcher, location)
        scope = self._findings.scope(location.url.rpartition("/")[2].partition("?")[0] or location.shown())
        lines = read_lines(fetched.data, scope)
        if lines is None:
            raise SourceError(f"{location.shown()} is not a playlist: its first line is not #EXTM3U")
        # Relative addresses start where redirects have led (RFC 3986 section 5.1.3).
        _judge_name(fetched, scope)
        if not is_multivariant(lines):
            rendition = self._measure(scope.where, lines, fetched.location, scope)
            return Stream(None, scope, (VariantStream(None, rendition),), (), ())
        master = read_multivariant(lines, fetched.location, scope)
        judge_variants(master, scope)
        judge_groups(master, scope)
        return self._follow(master, scope)

    def finish(self) -> None:
        """Decode what has been read."""
        self._measurer.finish()

    def _follow(self, master: MultivariantPlaylist, scope: Scope) -> Stream:
        variants: list[VariantStream] = []
        iframes: list[VariantStream] = []
        members: list[GroupMember] = []
        for variant in (*master.variants, *master.iframe_variants):
            rendition = self._rendition(master, variant.uri, scope, variant.at)
            if rendition is not None:
                (iframes if variant.iframes else variants).append(VariantStream(variant, rendition))
        for tag in master.media:
            if tag.uri:
                rendition = self._rendition(master, tag.uri, scope, tag.at)
                if rendition is not None:
                    members.append(GroupMember(tag, rendition))
        return Stream(master, scope, tuple(variants), tuple(iframes), tuple(members))

    def _rendition(self, master: MultivariantPlaylist, uri: str, scope: Scope, at: str) -> Rendition | None:
        try:
            location = resolve(master.location, uri)
        except RefusedError as error:
            scope.add(rulebook.ADDRESSES, str(error), at)
            return None
        if location not in self._renditions:
            self._renditions[location] = self._open(master, location, scope, at)
        return self._renditions[location]

    def _open(
        self, master: MultivariantPlaylist, location: Location, scope: Scope, at: str
    ) -> Rendition | None:
        try:
            fetched = self._fetcher.fetch(location, limit=MAX_PLAYLIST)
        except MissingError as error:
            scope.add(rulebook.AVAILABLE, str(error), at)
            return None
        name = location.below(master.location)
        own = self._findings.scope(name)
        lines = read_lines(fetched.data, own)
        _judge_name(fetched, own)
        if lines is None:
            return None
        if is_multivariant(lines):
            own.add(rulebook.ONE_KIND, "it is a multivariant playlist where a media playlist belongs")
            return None
        return self._measure(name, lines, fetched.location, own)

    def _measure(self, name: str, lines: list[Line], location: Location, scope: Scope) -> Rendition:
        playlist: MediaPlaylist = read_media(lines, location, scope)
        return self._measurer.measure(name, playlist, scope)


def _judge_name(fetched: Fetched, scope: Scope) -> None:
    """Report a playlist that neither its address nor its content type tells (RFC 8216 section 4)."""
    path = fetched.location.shown().lower()
    kind = fetched.content_type.partition(";")[0].strip().lower()
    if not path.endswith((".m3u8", ".m3u")) and kind not in _PLAYLIST_TYPES:
        scope.add(
            rulebook.NAMED, f"neither its address nor its content type ({kind or 'none'}) says playlist"
        )
