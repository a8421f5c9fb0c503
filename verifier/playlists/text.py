"""A playlist's lines and attribute lists, read strictly (RFC 8216 sections 4.1 and 4.2)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from verifier import rulebook
from verifier.findings import Scope

_CONTROL = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_ATTRIBUTE = re.compile(r'([^=,"\s]*)=("[^"]*"|[^",]*)(,|$)')
_NAME = re.compile(r"[A-Z0-9-]+")

#: What values look like, by type (RFC 8216 section 4.2).
_FORMS = {
    "integer": re.compile(r"[0-9]{1,20}"),
    "hexadecimal": re.compile(r"0[xX][0-9A-F]+"),
    "float": re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+"),
    "signed": re.compile(r"-?([0-9]+(\.[0-9]*)?|\.[0-9]+)"),
    "enumerated": re.compile(r"[^\",\s]+"),
    "resolution": re.compile(r"[0-9]+x[0-9]+"),
}

#: Type of each attribute that tags of RFC 8216 and its successor use. CLOSED-CAPTIONS and the like have two.
_TYPES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("BANDWIDTH", "AVERAGE-BANDWIDTH", "BIT-DEPTH", "SAMPLE-RATE"), ("integer",)),
    **dict.fromkeys(("FRAME-RATE", "DURATION", "PLANNED-DURATION", "SCORE"), ("float",)),
    **dict.fromkeys(("TIME-OFFSET",), ("signed",)),
    **dict.fromkeys(("RESOLUTION",), ("resolution",)),
    **dict.fromkeys(("IV", "SCTE35-CMD", "SCTE35-OUT", "SCTE35-IN"), ("hexadecimal",)),
    **dict.fromkeys(
        (
            *("TYPE", "DEFAULT", "AUTOSELECT", "FORCED", "METHOD", "HDCP-LEVEL", "VIDEO-RANGE", "PRECISE"),
            "END-ON-NEXT",
        ),
        ("enumerated",),
    ),
    "CLOSED-CAPTIONS": ("quoted", "enumerated"),
    **dict.fromkeys(
        (
            *("URI", "GROUP-ID", "LANGUAGE", "ASSOC-LANGUAGE", "NAME", "INSTREAM-ID", "CHARACTERISTICS"),
            *("CHANNELS", "CODECS", "AUDIO", "VIDEO", "SUBTITLES", "KEYFORMAT", "KEYFORMATVERSIONS"),
            *("BYTERANGE", "ID", "CLASS", "START-DATE", "END-DATE", "DATA-ID", "VALUE", "PATHWAY-ID"),
            *("STABLE-VARIANT-ID", "STABLE-RENDITION-ID", "SUPPLEMENTAL-CODECS", "ALLOWED-CPC"),
        ),
        ("quoted",),
    ),
}


@dataclass(frozen=True)
class Line:
    """A tag, or an address where ``tag`` is empty. ``number`` counts from 1."""

    number: int
    tag: str
    value: str

    @property
    def at(self) -> str:
        """Return how findings call the line."""
        return f"line {self.number}"


def read_lines(data: bytes, scope: Scope) -> list[Line] | None:
    """Split a playlist into its tags and addresses, leaving out comments and blank lines.

    Returns:
        The lines after ``#EXTM3U``, or None where that is missing: then it is no playlist at all.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        scope.add(rulebook.TEXT, "it begins with a byte order mark", "line 1")
        data = data[3:]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        scope.add(rulebook.TEXT, f"it is not UTF-8 (byte {error.start})")
        text = data.decode("utf-8", "replace")
    rows = re.split(r"\r?\n", text)
    if rows[0].rstrip() != "#EXTM3U":
        scope.add(rulebook.FIRST_LINE, "the first line is not #EXTM3U", "line 1")
        return None
    if not unicodedata.is_normalized("NFC", text):
        scope.add(rulebook.NORMALISED, "it is not in normalization form NFC")
    lines = []
    for number, row in enumerate(rows, 1):
        at = f"line {number}"
        if _CONTROL.search(row):
            scope.add(rulebook.TEXT, "it holds a control character", at)
        if row != row.strip():
            scope.add(rulebook.TEXT, "it begins or ends with white space", at)
            row = row.strip()
        if row.startswith("#EXT"):
            tag, _, value = row[1:].partition(":")
            if tag == "EXTM3U" and number > 1:
                scope.add(rulebook.FIRST_LINE, "#EXTM3U again", at)
            elif tag != "EXTM3U":
                lines.append(Line(number, tag, value))
        elif row and not row.startswith("#"):
            lines.append(Line(number, "", row))
    return lines


class Attributes(Mapping[str, str]):
    """An attribute list: values by name, without their quotes."""

    def __init__(self, values: Mapping[str, str], quoted: frozenset[str]) -> None:
        self._values = dict(values)
        self.quoted = quoted

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def integer(self, name: str) -> int | None:
        """Return a decimal-integer, or None where it is absent or not one."""
        text = self._values.get(name, "")
        return int(text) if name not in self.quoted and re.fullmatch(r"[0-9]{1,20}", text) else None

    def number(self, name: str) -> float | None:
        """Return a decimal-floating-point value, or None where it is absent or not one."""
        text = self._values.get(name, "")
        return float(text) if name not in self.quoted and _FORMS["float"].fullmatch(text) else None

    def yes(self, name: str) -> bool:
        """Tell whether an attribute is YES."""
        return self._values.get(name) == "YES"


def read_attributes(line: Line, scope: Scope) -> Attributes:
    """Read the attribute list of a tag, reporting what is malformed."""
    values: dict[str, str] = {}
    quoted = set()
    at, text = 0, line.value
    while at < len(text):
        match = _ATTRIBUTE.match(text, at)
        if match is None:
            scope.add(
                rulebook.ATTRIBUTES, f"{line.tag}: not an attribute list from {text[at:][:40]!r} on", line.at
            )
            break
        name, value = match[1], match[2]
        at = match.end()
        if not _NAME.fullmatch(name):
            scope.add(rulebook.ATTRIBUTES, f"{line.tag}: {name!r} is not an attribute name", line.at)
        if name in values:
            scope.add(rulebook.ATTRIBUTES, f"{line.tag}: {name} stands there twice", line.at)
        if problem := _wrong_form(name, value):
            scope.add(rulebook.ATTRIBUTES, f"{line.tag}: {problem}", line.at)
        if value.startswith('"'):
            quoted.add(name)
        values[name] = value.strip('"')
        if match[3] == "," and at == len(text):
            scope.add(rulebook.ATTRIBUTES, f"{line.tag}: the list ends with a comma", line.at)
    if not text:
        scope.add(rulebook.ATTRIBUTES, f"{line.tag}: the attribute list is missing", line.at)
    return Attributes(values, frozenset(quoted))


def _wrong_form(name: str, value: str) -> str | None:
    """Say what is wrong with the form of a value, if anything is."""
    types = _TYPES.get(name)
    if types is None:
        # An attribute that we do not know must be ignored (section 6.3.1), whatever its value is.
        bare = not value.startswith('"')
        return f"{name}={value[:40]} is not a value" if bare and not re.fullmatch(r"\S+", value) else None
    found = (
        "quoted"
        if value.startswith('"')
        else next((form for form in types if form != "quoted" and _FORMS[form].fullmatch(value)), None)
    )
    if found in types:
        return None
    wanted = " or ".join("quoted string" if form == "quoted" else form for form in types)
    return f"{name}={value[:40]} is not a value of type {wanted}"
