"""Rules about EXT-X-MEDIA tags and the groups that they form (RFC 8216 section 4.3.4.1)."""

from __future__ import annotations

import re
from collections import Counter

from verifier import rulebook
from verifier.findings import Scope
from verifier.playlists.model import MediaTag, MultivariantPlaylist

_TYPES = ("AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS")

#: The shape of a language tag (RFC 5646 section 2.1).
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_INSTREAM = re.compile(r"CC[1-4]|SERVICE([1-9]|[1-5][0-9]|6[0-3])")

#: Attributes in which a member may differ from its namesakes in other groups of its type (section
#: 4.3.4.1.1, and 4.4.6.1.1 of its successor).
_OWN = frozenset({"GROUP-ID", "URI", "CHANNELS", "BIT-DEPTH", "SAMPLE-RATE", "STABLE-RENDITION-ID"})

#: What tells AUTOSELECT=YES members of a group apart.
_APART = ("LANGUAGE", "ASSOC-LANGUAGE", "FORCED", "CHARACTERISTICS")


def judge_groups(master: MultivariantPlaylist, scope: Scope) -> None:
    """Report what is wrong with renditions and their groups."""
    for tag in master.media:
        _judge_tag(tag, scope)
    by_type: dict[str, list[str]] = {}
    for tag in master.media:
        groups = by_type.setdefault(tag.type, [])
        if tag.group not in groups:
            groups.append(tag.group)
    for kind, groups in by_type.items():
        for name in groups:
            members = master.group(kind, name)
            _judge_group(kind, members, scope)
            if not any(variant.attributes.get(kind) == name for variant in master.variants):
                scope.add(rulebook.UNUSED_GROUP, f'no variant names {kind} group "{name}"', members[0].at)
        _judge_same_members(master, kind, groups, scope)
    channels = {tag.attributes.get("CHANNELS") for tag in master.media if tag.type == "AUDIO"}
    if len(channels) > 1 and None in channels:
        scope.add(rulebook.CHANNELS_NEEDED, "some renditions of sound have CHANNELS, others do not")


def _judge_tag(tag: MediaTag, scope: Scope) -> None:
    attributes = tag.attributes
    if tag.type not in _TYPES:
        scope.add(rulebook.MEDIA_TAG, f"TYPE is {tag.type or 'missing'}", tag.at)
    for name in ("GROUP-ID", "NAME"):
        if not attributes.get(name):
            scope.add(rulebook.MEDIA_TAG, f"{name} is missing", tag.at)
    captions = tag.type == "CLOSED-CAPTIONS"
    if captions and "URI" in attributes:
        scope.add(rulebook.MEDIA_TAG, "closed captions have no URI: they are in the pictures", tag.at)
    if tag.type == "SUBTITLES" and not tag.uri:
        scope.add(rulebook.MEDIA_TAG, "subtitles need a URI", tag.at)
    if captions != ("INSTREAM-ID" in attributes):
        scope.add(rulebook.MEDIA_TAG, "INSTREAM-ID is for closed captions, and required there", tag.at)
    elif captions and not _INSTREAM.fullmatch(attributes["INSTREAM-ID"]):
        scope.add(rulebook.MEDIA_TAG, f"INSTREAM-ID {attributes['INSTREAM-ID'][:40]!r} is not known", tag.at)
    for name in ("DEFAULT", "AUTOSELECT", "FORCED"):
        if attributes.get(name, "NO") not in ("YES", "NO"):
            scope.add(rulebook.MEDIA_FLAGS, f"{name} is neither YES nor NO", tag.at)
    if attributes.yes("DEFAULT") and attributes.get("AUTOSELECT", "YES") != "YES":
        scope.add(rulebook.MEDIA_FLAGS, "DEFAULT=YES with AUTOSELECT=NO", tag.at)
    if "FORCED" in attributes and tag.type != "SUBTITLES":
        scope.add(rulebook.MEDIA_FLAGS, "FORCED is for subtitles", tag.at)
    if attributes.yes("FORCED") and not attributes.yes("AUTOSELECT"):
        scope.add(rulebook.FORCED_SELECTED, "forced subtitles without AUTOSELECT=YES", tag.at)
    _judge_language(tag, scope)


def _judge_language(tag: MediaTag, scope: Scope) -> None:
    for name in ("LANGUAGE", "ASSOC-LANGUAGE"):
        value = tag.attributes.get(name)
        if value is not None and not _LANGUAGE.fullmatch(value):
            scope.add(rulebook.LANGUAGE_TAG, f"{name} {value[:40]!r} is not a language tag", tag.at)
    if "LANGUAGE" not in tag.attributes and tag.type != "VIDEO":
        scope.add(rulebook.LANGUAGE_NEEDED, f'"{tag.name}" has no LANGUAGE', tag.at)


def _judge_group(kind: str, members: tuple[MediaTag, ...], scope: Scope) -> None:
    names = Counter(tag.name for tag in members)
    for tag in members:
        if names[tag.name] > 1:
            scope.add(
                rulebook.UNIQUE_NAMES, f'NAME="{tag.name}" {names[tag.name]} times in its group', tag.at
            )
            break
    defaults = [tag for tag in members if tag.attributes.yes("DEFAULT")]
    if len(defaults) > 1:
        scope.add(
            rulebook.ONE_DEFAULT, f"{len(defaults)} members of the group have DEFAULT=YES", defaults[1].at
        )
    if not defaults and kind == "AUDIO":
        scope.add(rulebook.NO_DEFAULT, "no member of the group has DEFAULT=YES", members[0].at)
    seen = set()
    for tag in members:
        if not tag.attributes.yes("AUTOSELECT"):
            continue
        apart = tuple(tag.attributes.get(name) for name in _APART)
        if apart in seen:
            scope.add(
                rulebook.TWINS, f'"{tag.name}" cannot be told from another AUTOSELECT=YES member', tag.at
            )
        seen.add(apart)


def _judge_same_members(master: MultivariantPlaylist, kind: str, groups: list[str], scope: Scope) -> None:
    def described(name: str) -> dict[str, dict[str, str]]:
        return {
            tag.name: {key: value for key, value in tag.attributes.items() if key not in _OWN}
            for tag in master.group(kind, name)
        }

    first = described(groups[0])
    for name in groups[1:]:
        other = described(name)
        if first != other:
            differing = sorted(
                member for member in first.keys() | other.keys() if first.get(member) != other.get(member)
            )
            scope.add(
                rulebook.SAME_MEMBERS,
                f'{kind} groups "{groups[0]}" and "{name}" differ in {", ".join(differing)}',
                master.group(kind, name)[0].at,
            )
