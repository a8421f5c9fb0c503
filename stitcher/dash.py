"""The DASH manifest (ISO/IEC 23009-1) of a CMAF publication, as text. Nothing here reads or writes files."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import groupby
from math import ceil
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from gopfarm.plan import VideoRendition
from stitcher.check import INIT_FILE, SEGMENT_SUFFIX
from stitcher.presentation import AnyStream, AudioStream, Presentation, Stream
from stitcher.subtitles import subtitle_set

MANIFEST = "manifest.mpd"

#: Namespace and profiles of the manifest (ISO/IEC 23009-1 clauses 5.2.2, 8.4 and 8.12).
NAMESPACE = "urn:mpeg:dash:schema:mpd:2011"
PROFILES = "urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019"

#: Schemes of descriptors: roles (ISO/IEC 23009-1 clause 5.8.5.5), channel layouts (ISO/IEC 23091-3).
ROLE_SCHEME = "urn:mpeg:dash:role:2011"
CHANNEL_SCHEME = "urn:mpeg:mpegB:cicp:ChannelConfiguration"

#: Schemes of closed captions inside the picture (DASH-IF IOP 4.3, 6.4.3): CEA-708 services, CEA-608 channels.
CAPTION_SCHEMES = ("urn:scte:dash:cc:cea-708:2015", "urn:scte:dash:cc:cea-608:2015")

#: The address of a segment within its folder (ISO/IEC 23009-1 clause 5.3.9.4.4): ``00000.m4s``, ...
_SEGMENT_TEMPLATE = "$Number%05d$" + SEGMENT_SUFFIX["cmaf"]


def dash_manifest(presentation: Presentation) -> str:
    """Write the static manifest: one period, one set for the video ladder, one set for each track.

    Addresses are relative to the manifest. Times are exact: a timescale is that of the media itself, so that
    each segment is a whole number of ticks. What starts after 0 says so in its timeline. ``minBufferTime`` is
    one target duration: at its peak rate, a segment arrives within that.

    Raises:
        ValueError: The presentation is not CMAF, or it is empty.
    """
    if presentation.format != "cmaf" or not presentation.streams:
        raise ValueError("a DASH manifest is only written for CMAF renditions")
    root = Element(
        "MPD",
        {
            "xmlns": NAMESPACE,
            "profiles": PROFILES,
            "type": "static",
            "mediaPresentationDuration": iso_duration(presentation.seconds),
            "minBufferTime": iso_duration(Fraction(presentation.target_duration)),
        },
    )
    period = SubElement(root, "Period", {"id": "0", "start": "PT0S"})
    if presentation.video:
        _video_set(period, presentation.video, presentation.captions)
    for stream in presentation.audio:
        _audio_set(period, stream)
    for words in presentation.subtitles:
        subtitle_set(period, words)
    indent(root)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document.decode() + "\n"


def iso_duration(seconds: Fraction) -> str:
    """Return an XML Schema duration, rounded up to a microsecond so that it never ends before the media."""
    whole, micros = divmod(ceil(seconds * 1_000_000), 1_000_000)
    decimals = f"{micros:06d}".rstrip("0")
    return f"PT{whole}.{decimals}S" if decimals else f"PT{whole}S"


def _video_set(period: Element, streams: Sequence[Stream[VideoRendition]], captions: Sequence[str]) -> None:
    """Add the adaptation set of the ladder (ISO/IEC 23009-1 clause 5.3.3)."""
    rate = str(1 / streams[0].unit)  # as the schema writes it: 25 or 30000/1001
    adaptation = SubElement(
        period,
        "AdaptationSet",
        {
            "id": "0",
            "contentType": "video",
            "mimeType": "video/mp4",
            "segmentAlignment": "true",
            "startWithSAP": "1",
            "maxWidth": str(max(stream.rendition.width for stream in streams)),
            "maxHeight": str(max(stream.rendition.height for stream in streams)),
            "maxFrameRate": rate,
        },
    )
    for scheme, channels in groupby(captions, lambda channel: CAPTION_SCHEMES[channel.startswith("CC")]):
        names = ";".join(channel.removeprefix("SERVICE") for channel in channels)
        SubElement(adaptation, "Accessibility", {"schemeIdUri": scheme, "value": names})
    for stream in streams:
        size = {"width": str(stream.rendition.width), "height": str(stream.rendition.height)}
        _representation(adaptation, stream, {**size, "frameRate": rate, "sar": "1:1"})


def _audio_set(period: Element, stream: AudioStream) -> None:
    """Add the adaptation set of one track; the schema prescribes the order of its children."""
    adaptation = SubElement(
        period,
        "AdaptationSet",
        {"id": str(len(period)), "contentType": "audio", "mimeType": "audio/mp4"},
    )
    if stream.label.language:
        adaptation.set("lang", stream.label.language)
    adaptation.set("segmentAlignment", "true")
    adaptation.set("startWithSAP", "1")
    # The code points 1 to 6 of ISO/IEC 23091-3 are the usual layouts of as many channels.
    channels = {"schemeIdUri": CHANNEL_SCHEME, "value": str(stream.rendition.channels)}
    SubElement(adaptation, "AudioChannelConfiguration", channels)
    SubElement(adaptation, "Label").text = stream.label.name
    role = "main" if stream.label.default else "alternate"
    SubElement(adaptation, "Role", {"schemeIdUri": ROLE_SCHEME, "value": role})
    _representation(adaptation, stream, {"audioSamplingRate": str(stream.rendition.sample_rate)})


def _representation(
    adaptation: Element,
    stream: AnyStream,
    attributes: dict[str, str],
) -> None:
    """Add one rendition with its timeline (ISO/IEC 23009-1 clauses 5.3.5 and 5.3.9.6)."""
    representation = SubElement(
        adaptation,
        "Representation",
        {
            "id": stream.rendition.name,
            "codecs": stream.delivery.codec,
            "bandwidth": str(stream.rates.peak),
            **attributes,
        },
    )
    folder = quote(stream.rendition.directory)
    template = SubElement(
        representation,
        "SegmentTemplate",
        {
            "timescale": str(stream.timescale),
            "initialization": f"{folder}/{INIT_FILE}",
            "media": f"{folder}/{_SEGMENT_TEMPLATE}",
            "startNumber": str(stream.segments[0].number),
        },
    )
    timeline = SubElement(template, "SegmentTimeline")
    units = int(stream.unit * stream.timescale)
    for length, run in groupby(segment.length for segment in stream.segments):
        entry = SubElement(timeline, "S", {"d": str(length * units)})
        if repeats := len(list(run)) - 1:
            entry.set("r", str(repeats))
    first = int(stream.start * stream.timescale) + stream.segments[0].start * units
    timeline[0].set("t", str(first))
