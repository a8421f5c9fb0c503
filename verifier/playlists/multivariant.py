"""Multivariant playlists (RFC 8216 section 4.3.4): from lines to variants and renditions."""

from __future__ import annotations

from collections.abc import Sequence

from verifier import rulebook
from verifier.findings import Scope
from verifier.locations import Location
from verifier.playlists.model import MediaTag, MultivariantPlaylist, Variant
from verifier.playlists.tags import check_kind, check_version, read_version
from verifier.playlists.text import Line, read_attributes


def read_multivariant(lines: Sequence[Line], location: Location, scope: Scope) -> MultivariantPlaylist:
    """Read the lines of a multivariant playlist, reporting what is malformed."""
    check_kind(lines, True, scope)
    version = read_version(lines, scope)
    check_version(lines, version, scope)
    variants: list[Variant] = []
    iframes: list[Variant] = []
    media: list[MediaTag] = []
    open_tag: Line | None = None
    for line in lines:
        if open_tag is not None:
            if line.tag:
                scope.add(rulebook.VARIANTS, "EXT-X-STREAM-INF has no address on the line below", open_tag.at)
            else:
                variants.append(Variant(open_tag.number, line.value, read_attributes(open_tag, scope)))
            open_tag = None
            if not line.tag:
                continue
        match line.tag:
            case "":
                scope.add(rulebook.VARIANTS, f"{line.value[:80]} has no EXT-X-STREAM-INF above it", line.at)
            case "EXT-X-STREAM-INF":
                open_tag = line
            case "EXT-X-I-FRAME-STREAM-INF":
                attributes = read_attributes(line, scope)
                iframes.append(Variant(line.number, attributes.get("URI", ""), attributes, True))
            case "EXT-X-MEDIA":
                media.append(MediaTag(line.number, read_attributes(line, scope)))
            case "EXT-X-SESSION-DATA" | "EXT-X-SESSION-KEY" | "EXT-X-CONTENT-STEERING" | "EXT-X-START":
                read_attributes(line, scope)
    if open_tag is not None:
        scope.add(rulebook.VARIANTS, "EXT-X-STREAM-INF has no address on the line below", open_tag.at)
    return MultivariantPlaylist(
        location=location,
        version=version,
        independent=any(line.tag == "EXT-X-INDEPENDENT-SEGMENTS" for line in lines),
        variants=tuple(variants),
        iframe_variants=tuple(iframes),
        media=tuple(media),
    )
