"""Every rule that is checked, with its source. docs/verify.md lists them; a test compares the two.

Levels: what RFC 8216 or the Apple HLS Authoring Specification demands is an error where players may fail or
the playlist states what is not so. What they recommend is a warning, and so is what Apple demands in
addition to a working stream (more variants, I-frame playlists, languages).

The numbers of Apple's rules are those of its revision with rules 1.1 to 16.1.
"""

from __future__ import annotations

from verifier.findings import Level, Rule

RULES: list[Rule] = []


def _rule(reference: str, level: Level, what: str) -> Rule:
    rule = Rule(reference, level, what)
    RULES.append(rule)
    return rule


def _rfc(section: str, what: str, level: Level = "error") -> Rule:
    return _rule(f"RFC 8216 {section}", level, what)


def _apple(number: str, what: str, level: Level = "error") -> Rule:
    return _rule(f"Apple HLS authoring {number}", level, what)


# Playlists as text.
NAMED = _rfc("4", "A playlist is known by .m3u8 or .m3u in its address, or by its content type.")
TEXT = _rfc(
    "4.1", "A playlist is UTF-8 without byte order mark and control characters, and without stray spaces."
)
NORMALISED = _rfc("4.1", "Text is in Unicode normalization form NFC.", "warning")
ONE_KIND = _rfc("4.1", "A playlist is either multivariant or media: no tag of the other kind.")
ADDRESSES = _rfc(
    "4.1", "Addresses are valid, and lead to http(s), or to the folder or bucket of the playlist."
)
ATTRIBUTES = _rfc(
    "4.2", "Attribute lists are well formed, name no attribute twice, and values have their type."
)
FIRST_LINE = _rfc("4.3.1.1", "The first line is #EXTM3U.")
VERSION = _rfc("4.3.1.2", "EXT-X-VERSION is a number and appears at most once.")
COMPATIBLE = _rfc("7", "EXT-X-VERSION is at least what the tags and attributes used require.")

# Media playlists.
EXTINF = _rfc("4.3.2.1", "Every segment has one EXTINF with a decimal duration.")
BYTERANGE = _rfc(
    "4.3.2.2", "EXT-X-BYTERANGE is length[@offset]; without offset it continues the range before."
)
KEY = _rfc("4.3.2.4", "EXT-X-KEY has a METHOD, and a URI unless that is NONE.")
ENCRYPTED = _rfc("4.3.2.4", "Media is not encrypted: encrypted media is not looked into.", "warning")
MAP = _rfc("4.3.2.5", "EXT-X-MAP has a URI.")
DATE = _rfc("4.3.2.6", "EXT-X-PROGRAM-DATE-TIME is an ISO 8601 date and time.")
TARGET = _rfc("4.3.3.1", "EXT-X-TARGETDURATION is there once, and no EXTINF, rounded, is longer.")
SEQUENCE = _rfc("4.3.3.2", "EXT-X-MEDIA-SEQUENCE is a number before the first segment.")
ENDED = _rfc(
    "4.3.3.4", "A playlist without EXT-X-PLAYLIST-TYPE is live, or ends with EXT-X-ENDLIST.", "warning"
)
PLAYLIST_TYPE = _rfc(
    "4.3.3.5", "EXT-X-PLAYLIST-TYPE is EVENT or VOD; a VOD playlist ends with EXT-X-ENDLIST."
)
ONCE = _rfc("4.3.3", "Tags about the whole playlist appear once.")
EMPTY = _rfc("2", "A media playlist that is not live lists at least one segment.")
SIX_SECONDS = _apple("7.5", "Target durations are 6 seconds.", "warning")
TYPE_VOD = _apple("8.6", "A playlist that has ended says EXT-X-PLAYLIST-TYPE:VOD.", "warning")
LIVE_DATES = _apple("8.4", "Live playlists, EVENT ones aside, carry EXT-X-PROGRAM-DATE-TIME.", "warning")
LIVE_SEGMENTS = _apple("8.11", "Live playlists list at least six segments.", "warning")

# Multivariant playlists.
VARIANTS = _rfc(
    "4.3.4.2", "There is a variant; each EXT-X-STREAM-INF has a BANDWIDTH and its address below it."
)
GROUPS = _rfc("4.3.4.2", "AUDIO, VIDEO, SUBTITLES and CLOSED-CAPTIONS name groups that exist.")
NO_CAPTIONS = _rfc("4.3.4.2", "CLOSED-CAPTIONS=NONE stands on all variants or on none.")
AVERAGE = _rfc("4.3.4.2", "AVERAGE-BANDWIDTH is not above BANDWIDTH.")
MEDIA_TAG = _rfc("4.3.4.1", "EXT-X-MEDIA has a known TYPE, GROUP-ID and NAME, and what its TYPE requires.")
MEDIA_FLAGS = _rfc("4.3.4.1", "DEFAULT=YES is never AUTOSELECT=NO; FORCED is for subtitles.")
LANGUAGE_TAG = _rfc("4.3.4.1", "LANGUAGE is a language tag of RFC 5646.")
CHANNELS_NEEDED = _rfc("4.3.4.1", "CHANNELS is there where renditions differ in their number of channels.")
UNIQUE_NAMES = _rfc("4.3.4.1.1", "NAMEs are unique within a group.")
ONE_DEFAULT = _rfc("4.3.4.1.1", "A group has at most one DEFAULT=YES.")
NO_DEFAULT = _rfc("4.3.4.1", "A group of sound has a DEFAULT=YES, or players choose on their own.", "warning")
TWINS = _rfc(
    "4.3.4.1.1", "AUTOSELECT=YES members of a group differ in language or characteristics.", "warning"
)
SAME_MEMBERS = _rfc("4.3.4.1.1", "Groups of one TYPE have the same members with the same attributes.")
UNUSED_GROUP = _rfc("4.3.4.2.1", "Every group is used by a variant.", "warning")
IFRAME_TAG = _rfc("4.3.4.3", "EXT-X-I-FRAME-STREAM-INF has BANDWIDTH and URI.")
SAME_TARGET = _rfc("6.2.4", "All playlists of sound and picture have the same target duration.")
SAME_TYPE = _rfc("6.2.4", "All playlists have the same EXT-X-PLAYLIST-TYPE.")
SAME_BREAKS = _rfc("6.2.4", "All playlists have as many discontinuities.")
CODECS_NEEDED = _apple("9.1", "Every variant has CODECS.", "warning")
RESOLUTION_NEEDED = _apple("9.2", "Every variant with video has RESOLUTION.", "warning")
FRAME_RATE_NEEDED = _apple("9.15", "Every variant with video has FRAME-RATE.", "warning")
AVERAGE_NEEDED = _apple("9.14", "Every variant has AVERAGE-BANDWIDTH.", "warning")
MORE_VARIANTS = _apple("9.9", "There are several bit rates of video.", "warning")
INDEPENDENT = _apple(
    "9.12", "EXT-X-INDEPENDENT-SEGMENTS is in the multivariant or in all media playlists.", "warning"
)
I_FRAMES = _apple("6.1", "There are I-frame playlists.", "warning")
SAME_ASPECT = _apple("1.33", "All variants have the same aspect ratio.", "warning")
LANGUAGE_NEEDED = _apple("8.10", "Sound, subtitles and captions have a LANGUAGE.", "warning")
FORCED_SELECTED = _apple("5.11", "Forced subtitles have AUTOSELECT=YES.", "warning")
CELLULAR = _rule(
    "App Store Review 2.5.7",
    "warning",
    "A stream of more than 10 minutes has a variant of at most 192 kbit/s.",
)

# Segments one by one.
AVAILABLE = _rfc("6.2.1", "Everything that a playlist lists can be fetched.")
REDIRECTED = _apple("8.18", "Media is not behind redirects.", "warning")
READABLE = _rfc("3.1", "Segments are MPEG-TS, fragmented MP4, packed audio or WebVTT, and whole.")
TS_TABLES = _rfc("3.2", "MPEG-TS segments begin with PAT and PMT, of one program.")
TS_TIMES = _rfc("3.2", "Every elementary stream of an MPEG-TS segment begins with a timestamp.")
MP4_INIT = _rfc("3.3", "The init segment is ftyp, then moov with mvex and a track for each track fragment.")
MP4_TFDT = _rfc("3.3", "Every track fragment has a tfdt.")
MP4_MAP = _rfc("3.3", "Fragmented MP4 has an EXT-X-MAP.")
PACKED_TIME = _rfc("3.4", "Packed audio begins with the ID3 tag that tells its timestamp.")
INDEPENDENT_TRUE = _rfc(
    "4.3.5.1", "With EXT-X-INDEPENDENT-SEGMENTS every segment starts with an IDR picture."
)
IDR_FIRST = _apple("7.4", "Video segments start with an IDR picture.")
IDR_SPACING = _apple("1.13", "IDR pictures are at most two seconds apart.", "warning")
DECODES = _rfc("3", "The first picture of every segment decodes with the init segment of its rendition.")
PARAMETERS = _rfc("4.3.2.3", "Parameter sets, codec and tracks stay the same up to a discontinuity.")
INCREASING = _rfc("3", "Decoding times increase, and no two frames are shown at the same time.")
COUNTERS = _apple("7.2", "MPEG-TS continuity counters go on from packet to packet.")
COUNTERS_RESTART = _apple("7.2", "MPEG-TS continuity counters go on from segment to segment.", "warning")
CONTINUOUS = _rfc("3", "Decoding goes on from segment to segment without gap or overlap.")
TFDT_CONTINUOUS = _apple("7.3", "The tfdt of a segment is where the segment before ends.")
DURATIONS = _apple(
    "8.1", "EXTINF, and the sum of any run of them, is within a frame of the media's duration."
)
OVERLONG = _apple("7.7", "No segment's media outlasts the target duration by more than half a second.")
HEVC_IN_TS = _apple("1.5", "HEVC comes in fragmented MP4.")
INTERLACED = _apple("1.14", "Video is progressive.", "warning")
FAST = _apple("1.19", "Video has at most 60 frames a second.")
PROFILE = _apple("1.3b", "H.264 is at most High Profile, Level 5.2.")

# What is stated of renditions, and what they are.
CODECS_TRUE = _rfc(
    "4.3.4.2", "CODECS lists each codec of the variant and its groups, as the bitstream has it."
)
CODECS_MORE = _rfc(
    "4.3.4.2", "CODECS lists nothing that is not there, and no higher level than needed.", "warning"
)
RESOLUTION_TRUE = _rfc("4.3.4.2", "RESOLUTION is the size of the pictures.")
FRAME_RATE_TRUE = _rfc("4.3.4.2", "FRAME-RATE is the rate of the pictures.")
CAPTIONS_NONE = _rfc("4.3.4.2", "With CLOSED-CAPTIONS=NONE there are no captions in the pictures.")
CAPTIONS_DECLARED = _apple("4.4", "Captions in the pictures are declared.")
CAPTIONS_THERE = _rfc("4.3.4.2", "Captions that are declared are in the pictures.", "warning")
CHANNELS_TRUE = _rfc("4.3.4.1", "CHANNELS is the number of channels.")
RANGE_TRUE = _rule(
    "rfc8216bis 4.4.6.2", "error", "VIDEO-RANGE is that of the transfer function in the bitstream."
)
RANGE_NEEDED = _apple("9.16", "VIDEO-RANGE is there unless everything is SDR.")
PEAK_TRUE = _apple("1.27", "The measured peak bit rate is within 10% of BANDWIDTH.")
PEAK_UNDERSTATED = _rfc("4.3.4.2", "BANDWIDTH is no less than the largest sum of peak bit rates.", "warning")
AVERAGE_TRUE = _apple("1.26", "The measured average bit rate is within 10% of AVERAGE-BANDWIDTH.")
PEAKY = _apple("1.30", "The peak bit rate is at most twice the average.", "warning")

# Renditions against each other.
SAME_START = _rfc("6.2.4", "All variants start at the same time and show the same content.")
VOD_START = _rfc("6.2.4", "Sound and picture of a VOD stream start at the same time.", "warning")
SYNC = _rfc("6.2.4", "Sound and picture start at most half a second apart.")
SAME_EDGES = _apple("8.22", "All variants have their segment edges at the same times.", "warning")
SOUND_EDGES = _apple(
    "8.22", "Segments of sound end where those of the picture do, to an audio frame.", "warning"
)
SAME_LENGTH = _apple("8.3", "Sound and picture end together, to a frame.", "warning")
FAR_ENDS = _apple("8.3", "Sound and picture end at most a target duration apart.")

# Subtitles.
WEBVTT = _rfc("3.5", "WebVTT segments start with the WEBVTT header, and cues are well formed.")
TIMESTAMP_MAP = _apple("5.3", "WebVTT segments have an X-TIMESTAMP-MAP.")
CUES_INSIDE = _rfc("3.5", "Every cue of a segment is shown during that segment.")
CUES_REPEATED = _rfc("3.5", "A cue is in every segment during which it is shown.")
SUBTITLES_WHOLE = _apple("5.5", "The playlist of subtitles lasts as long as the picture.")

# Against the source.
SOURCE_FRAMES = _rule(
    "source: frames", "error", "Every variant decodes to the frames of the source's output grid."
)
SOURCE_RATE = _rule("source: frame rate", "warning", "The frame rate is that of the source.")
SOURCE_DAMAGE = _rule("source: decoding", "error", "Every variant decodes from start to end without damage.")
SOURCE_LENGTH = _rule("source: duration", "error", "The picture lasts as long as the source's, to a frame.")
SOURCE_SOUND = _rule("source: sound", "error", "The source's sound is there, and none of it is cut off.")
SOURCE_TAIL = _rule("source: sound", "warning", "The sound outlasts neither picture nor sound of the source.")
SOURCE_SYNC = _rule("source: offset", "error", "Sound and picture keep the source's offset, to 20 ms.")
SOURCE_ASPECT = _rule("source: aspect", "error", "Pictures have the shape of the source's.")
SOURCE_SIZE = _rule("source: size", "warning", "Pictures are not enlarged.")
