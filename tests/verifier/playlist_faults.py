"""Faults in the text of playlists, and the rules under which they must be found."""

from __future__ import annotations

from tests.verifier.streams import Plant, declare_captions, edit, master, second_sound
from verifier import rulebook
from verifier.findings import Rule

#: What is planted, under which rule it must be found, and words of the message.
PLAYLIST_FAULTS: dict[str, tuple[Plant, Rule, str]] = {
    "byte order mark": (
        lambda p: p.master.write_bytes(b"\xef\xbb\xbf" + p.master.read_bytes()),
        rulebook.TEXT,
        "byte order mark",
    ),
    "not UTF-8": (
        lambda p: p.master.write_bytes(p.master.read_bytes().replace(b'NAME="', b'NAME="\xff')),
        rulebook.TEXT,
        "UTF-8",
    ),
    "control character": (master('NAME="', 'NAME="\x07'), rulebook.TEXT, "control"),
    "stray space": (edit("180p", r"^(#EXT-X-ENDLIST)", r" \1"), rulebook.TEXT, "white space"),
    "no EXTM3U in a media playlist": (edit("90p", "#EXTM3U", "#EXTM4U"), rulebook.FIRST_LINE, ""),
    "segment tag in the master": (
        master("^#EXT-X-INDEPENDENT", "#EXT-X-TARGETDURATION:2\n#EXT-X-INDEPENDENT"),
        rulebook.ONE_KIND,
        "TARGETDURATION",
    ),
    "attribute twice": (master("FRAME-RATE=", "BANDWIDTH=1,FRAME-RATE="), rulebook.ATTRIBUTES, "twice"),
    "attribute without quotes": (
        master('GROUP-ID="audio"', "GROUP-ID=audio"),
        rulebook.ATTRIBUTES,
        "GROUP-ID",
    ),
    "space in an attribute list": (master(",FRAME-RATE", ", FRAME-RATE"), rulebook.ATTRIBUTES, ""),
    "open quote": (master('NAME="([^"]*)"', r'NAME="\1'), rulebook.ATTRIBUTES, ""),
    "version twice": (
        edit("180p", r"^(#EXT-X-VERSION.*)$", r"\1\n\1"),
        rulebook.VERSION,
        "again",
    ),
    "version too low": (edit("180p", "VERSION:.", "VERSION:2"), rulebook.COMPATIBLE, "version"),
    "version missing": (edit("180p", "#EXT-X-VERSION:.\n", ""), rulebook.COMPATIBLE, ""),
    "no target duration": (edit("180p", "#EXT-X-TARGETDURATION:2\n", ""), rulebook.TARGET, "missing"),
    "target duration too short": (
        edit("180p", "TARGETDURATION:2", "TARGETDURATION:1"),
        rulebook.TARGET,
        "2.000",
    ),
    "target duration of one variant": (
        edit("90p", "TARGETDURATION:2", "TARGETDURATION:3"),
        rulebook.SAME_TARGET,
        "3 s",
    ),
    "EXTINF missing": (edit("180p", "#EXTINF:[^\n]*\n", ""), rulebook.EXTINF, "no EXTINF"),
    "EXTINF is no number": (
        edit("180p", "#EXTINF:2[^\n]*", "#EXTINF:two,"),
        rulebook.EXTINF,
        "not a duration",
    ),
    "no ENDLIST": (
        edit("180p", "#EXT-X-ENDLIST\n", ""),
        rulebook.PLAYLIST_TYPE,
        "PLAYLIST-TYPE:VOD without ENDLIST",
    ),
    "neither type nor ENDLIST": (
        edit("180p", "#EXT-X-(ENDLIST|PLAYLIST-TYPE:VOD)\n", "", 2),
        rulebook.ENDED,
        "live",
    ),
    "unknown type": (edit("180p", "TYPE:VOD", "TYPE:FILM"), rulebook.PLAYLIST_TYPE, "FILM"),
    "types differ": (edit("90p", "TYPE:VOD", "TYPE:EVENT"), rulebook.SAME_TYPE, "EVENT"),
    "type missing": (edit("180p", "#EXT-X-PLAYLIST-TYPE:VOD\n", ""), rulebook.TYPE_VOD, "VOD"),
    "discontinuity in one variant": (
        edit("180p", r"^(#EXTINF:[^\n]*\n00001)", r"#EXT-X-DISCONTINUITY\n\1"),
        rulebook.SAME_BREAKS,
        "",
    ),
    "no segment": (edit("180p", r"(#EXTINF:[^\n]*\n0[^\n]*\n)+", ""), rulebook.EMPTY, ""),
    "address outside of the folder": (
        edit("180p", "^00001", "../../../../00001"),
        rulebook.ADDRESSES,
        "leads out of",
    ),
    "address of another kind": (
        edit("180p", "^00001", "file:///etc/00001"),
        rulebook.ADDRESSES,
        "not followed",
    ),
    "key without method": (
        edit("180p", "^#EXTINF", '#EXT-X-KEY:URI="k"\n#EXTINF'),
        rulebook.KEY,
        "METHOD",
    ),
    "variant without BANDWIDTH": (master(":BANDWIDTH=[0-9]*,", ":"), rulebook.VARIANTS, "BANDWIDTH"),
    "variant without address": (master("^180p.*\n", ""), rulebook.VARIANTS, "no address"),
    "address without variant": (
        master("^#EXT-X-STREAM-INF.*\n", ""),
        rulebook.VARIANTS,
        "no EXT-X-STREAM-INF",
    ),
    "average above peak": (master("AVERAGE-BANDWIDTH=", "AVERAGE-BANDWIDTH=9"), rulebook.AVERAGE, "above"),
    "no average": (master("AVERAGE-BANDWIDTH=[0-9]*,", ""), rulebook.AVERAGE_NEEDED, ""),
    "no CODECS": (master('CODECS="[^"]*",', ""), rulebook.CODECS_NEEDED, ""),
    "no RESOLUTION": (master("RESOLUTION=[^,]*,", ""), rulebook.RESOLUTION_NEEDED, ""),
    "no FRAME-RATE": (master("FRAME-RATE=[^,]*,", ""), rulebook.FRAME_RATE_NEEDED, ""),
    "group that is not there": (master('AUDIO="audio"', 'AUDIO="loud"'), rulebook.GROUPS, "loud"),
    "captions in one variant": (master(",CLOSED-CAPTIONS=NONE", ""), rulebook.NO_CAPTIONS, ""),
    "TYPE of sound": (master("TYPE=AUDIO", "TYPE=NOISE"), rulebook.MEDIA_TAG, "NOISE"),
    "sound without NAME": (master('NAME="[^"]*",', ""), rulebook.MEDIA_TAG, "NAME"),
    "default that is not selected": (
        master("AUTOSELECT=YES", "AUTOSELECT=NO"),
        rulebook.MEDIA_FLAGS,
        "AUTOSELECT=NO",
    ),
    "forced sound": (master("TYPE=AUDIO,", "TYPE=AUDIO,FORCED=YES,"), rulebook.MEDIA_FLAGS, "FORCED"),
    "language": (master('LANGUAGE="[^"]*"', 'LANGUAGE="the english"'), rulebook.LANGUAGE_TAG, "the english"),
    "no language": (master('LANGUAGE="[^"]*",', ""), rulebook.LANGUAGE_NEEDED, ""),
    "NAME twice": (second_sound, rulebook.UNIQUE_NAMES, "2 times"),
    "DEFAULT twice": (second_sound, rulebook.ONE_DEFAULT, "2 members"),
    "no DEFAULT": (master("DEFAULT=YES", "DEFAULT=NO"), rulebook.NO_DEFAULT, ""),
    "twins": (lambda p: second_sound(p, 'NAME="', 'NAME="2'), rulebook.TWINS, "cannot be told"),
    "unused group": (
        lambda p: second_sound(p, 'GROUP-ID="audio"', 'GROUP-ID="spare"'),
        rulebook.UNUSED_GROUP,
        "spare",
    ),
    "groups that differ": (
        lambda p: second_sound(p, 'GROUP-ID="audio",NAME="', 'GROUP-ID="spare",NAME="2'),
        rulebook.SAME_MEMBERS,
        "spare",
    ),
    "CHANNELS of one only": (
        lambda p: second_sound(p, 'CHANNELS="2",', ""),
        rulebook.CHANNELS_NEEDED,
        "",
    ),
    "one variant": (master("^#EXT-X-STREAM-INF.*\n90p.*\n", ""), rulebook.MORE_VARIANTS, ""),
    "aspect": (master("RESOLUTION=320x180", "RESOLUTION=320x240"), rulebook.SAME_ASPECT, ""),
    "captions without INSTREAM-ID": (lambda p: declare_captions(p, ""), rulebook.MEDIA_TAG, "INSTREAM-ID"),
    "captions of an unknown channel": (
        lambda p: declare_captions(p, 'INSTREAM-ID="CC9",'),
        rulebook.MEDIA_TAG,
        "CC9",
    ),
    "captions of a service need version 7": (
        lambda p: declare_captions(p, 'INSTREAM-ID="SERVICE1",'),
        rulebook.COMPATIBLE,
        "7",
    ),
    "no independent segments": (
        lambda p: [
            file.write_text(file.read_text().replace("#EXT-X-INDEPENDENT-SEGMENTS\n", ""))
            for file in p.root.rglob("*.m3u8")
        ],
        rulebook.INDEPENDENT,
        "",
    ),
}
