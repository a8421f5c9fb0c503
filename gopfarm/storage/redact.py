"""What other programs say, made fit for the farm's messages."""

from __future__ import annotations

import re

from gopfarm.storage.address import shown

#: Longest text of somebody else that a message takes over, in characters.
_MOST = 300

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>)]+")

#: Parameters of signed requests, in queries and headers (SigV2, SigV4, and tokens of many servers).
_PARAMETER = re.compile(
    r"(?i)\b((?:x-amz-)?(?:security-token|signature|credential|awsaccesskeyid|token|sig))(\s*[=:]\s*)[^\s&,;]+"
)

#: AWS access key ids begin like this (IAM user guide, "unique identifiers").
_KEY_ID = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{8,}\b")


def redacted(text: object) -> str:
    """Return ``text`` in one line of bounded length, without users, queries, signatures and key ids."""
    line = " ".join(str(text).split())
    line = _URL.sub(lambda match: shown(match[0]), line)
    line = _PARAMETER.sub(r"\1\2...", line)
    line = _KEY_ID.sub("...", line)
    return line if len(line) <= _MOST else f"{line[:_MOST]}..."
