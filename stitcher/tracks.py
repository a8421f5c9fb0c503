"""How audio and subtitle tracks are called in playlists and manifests: names, languages, which plays first.

Titles and languages come from the source file, which nobody has vetted: what leaves this module is safe
inside a quoted HLS attribute and inside XML.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from gopfarm.plan import AudioRendition, SubtitleRendition

#: Longest name shown for a track, in characters; menus cut far earlier.
MAX_NAME = 80

#: Characters of these Unicode categories (controls, surrogates, unassigned, line and paragraph separators)
#: become spaces: a playlist line cannot hold them or XML 1.0 has no way to write them.
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cs", "Cn", "Zl", "Zp"})

#: The shape of a language tag (RFC 5646 section 2.1), which is also that of XML Schema's ``language``.
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True)
class TrackLabel:
    """How one audio or subtitle track is presented; ``language`` is None where it is not known.

    ``autoselect`` says that a player may choose the track by its language without being told to.
    """

    name: str
    language: str | None
    default: bool
    autoselect: bool


def label_tracks(renditions: Sequence[AudioRendition]) -> tuple[TrackLabel, ...]:
    """Name the audio renditions of a job, in their order.

    Names are unique. Exactly one track is the default: the first one marked so in the source, else the first.
    The default and the first further track of each language are ``autoselect``; a second track of a language
    (a commentary, say) is for the viewer to choose, because a player could not tell the two apart (RFC 8216
    section 4.3.4.1.1).
    """
    default = next((at for at, rendition in enumerate(renditions) if rendition.default), 0)
    languages = [language_tag(rendition.language) for rendition in renditions]
    names: list[str] = []
    for number, (rendition, language) in enumerate(zip(renditions, languages, strict=True), 1):
        names.append(_unique(clean_name(rendition.title) or language or f"Audio {number}", names))
    return tuple(
        TrackLabel(
            name=name,
            language=language,
            default=at == default,
            autoselect=at == default or language not in (languages[default], *languages[:at]),
        )
        for at, (name, language) in enumerate(zip(names, languages, strict=True))
    )


def label_subtitles(renditions: Sequence[SubtitleRendition]) -> tuple[TrackLabel, ...]:
    """Name the subtitle renditions of a job, in their order.

    Names are unique. At most one track is the default, the first one marked so in the source: nobody is shown
    subtitles unasked otherwise. Of tracks of one language and one use (forced, for the hard of hearing) the
    default or else the first is ``autoselect`` (RFC 8216 section 4.3.4.1.1).
    """
    default = next((at for at, rendition in enumerate(renditions) if rendition.default), None)
    languages = [language_tag(rendition.language) for rendition in renditions]
    uses = [
        (language, rendition.forced, rendition.hearing_impaired)
        for rendition, language in zip(renditions, languages, strict=True)
    ]
    names: list[str] = []
    for number, (rendition, language) in enumerate(zip(renditions, languages, strict=True), 1):
        names.append(_unique(clean_name(rendition.title) or language or f"Subtitles {number}", names))
    taken = [] if default is None else [uses[default]]
    return tuple(
        TrackLabel(
            name=name,
            language=languages[at],
            default=at == default,
            autoselect=at == default or uses[at] not in (*taken, *uses[:at]),
        )
        for at, name in enumerate(names)
    )


def language_tag(language: str) -> str | None:
    """Return a language as it may be published, or None when it is empty, ``und`` or not a language tag.

    That is the shortest tag for it (RFC 5646 section 4.5): ``de``, not the ``ger`` or ``deu`` that containers
    write.
    """
    tag = language.strip()
    if not _LANGUAGE_TAG.fullmatch(tag) or tag.lower() == "und":
        return None
    # Its tables take a while to load, and most jobs have no language to look up.
    from langcodes import standardize_tag
    from langcodes.tag_parser import LanguageTagError

    try:
        tag = standardize_tag(tag)
    except LanguageTagError:
        return None
    return tag if tag.lower() != "und" else None


def clean_name(title: str) -> str:
    """Make a title fit for one quoted attribute: one line, no double quotes, at most ``MAX_NAME`` characters.

    A quoted string can hold neither line breaks nor double quotes and knows no escape for them (RFC 8216
    section 4.2), so double quotes become single ones.
    """
    safe = "".join(" " if unicodedata.category(char) in _UNSAFE_CATEGORIES else char for char in title)
    return " ".join(safe.replace('"', "'").split())[:MAX_NAME].rstrip()


def _unique(name: str, taken: Sequence[str]) -> str:
    """Return the name, with a number behind it where another track already bears it."""
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name} ({number})", number + 1
    return candidate
