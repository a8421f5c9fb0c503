"""What playlists and manifests say of subtitles: their HLS attributes, and their DASH adaptation set."""

from __future__ import annotations

from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement

from stitcher.check import WHOLE_FILE
from stitcher.presentation import SubtitleStream

#: GROUP-ID of the subtitle renditions; every variant has the same ones.
SUBTITLE_GROUP = "subtitles"

#: Media characteristics of subtitles that also tell sounds (RFC 8216 section 4.3.4.1).
_FOR_THE_DEAF = (
    "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound"
)

#: Schemes of roles (ISO/IEC 23009-1 clause 5.8.5.5).
_ROLE_SCHEME = "urn:mpeg:dash:role:2011"


def characteristics(stream: SubtitleStream) -> str | None:
    """Return the CHARACTERISTICS of a rendition, None for ordinary subtitles."""
    return _FOR_THE_DEAF if stream.rendition.hearing_impaired else None


def subtitle_set(period: Element, stream: SubtitleStream) -> None:
    """Add the adaptation set of one track to a manifest: one WebVTT file, which every player can take.

    Segments of bare WebVTT are not for DASH: few players map their times.
    """
    adaptation = SubElement(
        period, "AdaptationSet", {"id": str(len(period)), "contentType": "text", "mimeType": "text/vtt"}
    )
    if stream.label.language:
        adaptation.set("lang", stream.label.language)
    SubElement(adaptation, "Label").text = stream.label.name
    for role in _roles(stream):
        SubElement(adaptation, "Role", {"schemeIdUri": _ROLE_SCHEME, "value": role})
    representation = SubElement(
        adaptation, "Representation", {"id": stream.rendition.name, "bandwidth": str(stream.rates.peak)}
    )
    SubElement(representation, "BaseURL").text = quote(f"{stream.rendition.directory}/{WHOLE_FILE}")


def _roles(stream: SubtitleStream) -> list[str]:
    """Return the roles of a track: what it is for, and whether it is the default."""
    use = "caption" if stream.rendition.hearing_impaired else "subtitle"
    return [
        "forced-subtitle" if stream.rendition.forced else use,
        *(["main"] if stream.label.default else []),
    ]
