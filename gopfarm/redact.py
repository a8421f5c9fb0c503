"""Taking secrets out of text that is about to be shown: the last line of defence, not the first.

Messages are written so that they hold none. What slips through all the same, say in a library's exception,
is caught here: values of known secrets, and what looks like a user, a password or a signature in a URL.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote, urlsplit

#: What stands in a secret's place.
MASK = "***"

#: A shorter value would also be found in harmless words.
_SHORTEST = 8

#: Variables whose whole value is a secret, or in ``_WITH_PARTS`` several with spaces between.
_VARIABLE = re.compile(r"SECRET|TOKEN|PASSW|PRIVATE_KEY|ACCESS_KEY|API_KEY|CREDENTIAL_VALUE")
_WITH_PARTS = "GOPFARM_WEBHOOK_SECRET"

#: Variables that hold headers as ``name=value`` with commas between, percent-encoded: those with which traces
#: are sent. The values let them in.
_HEADERS = re.compile(r"OTEL_EXPORTER_OTLP_(?:TRACES_)?HEADERS")

#: Variables that hold an address with a password in it.
_ADDRESSES = ("GOPFARM_REDIS_URL",)

#: Text beyond so many characters is cut in the middle. All patterns are bounded too, since a pattern without
#: bounds takes time that grows with the square of a text that was made for it.
_LONGEST = 16_384
_TAIL = 4_096

#: ``scheme://user:password@``; a password may hold a slash that should have been written as %2F, unless what
#: stands before it is a port.
_SCHEME = r"([A-Za-z][A-Za-z0-9+.-]{0,15}://)"
_USERINFO = re.compile(
    _SCHEME + r"(?:[^\s/?#@\"'<>]{0,512}|[^\s/?#@\"'<>:]{0,256}:(?!\d+/)[^\s?#@\"'<>]{0,512})@"
)

#: Addresses of Redis have no path with an @ in it: all before the last one is secret.
_REDIS_USERINFO = re.compile(r"((?:rediss?|valkeys?|unix)://)[^\s\"'<>]{0,1024}@", re.IGNORECASE)

#: The query and fragment of a web address, and the query of a path as HTTP libraries log it.
_WEB_QUERY = re.compile(r"(https?://[^\s?#\"'<>]{0,4096})[?#][^\s\"'<>]+", re.IGNORECASE)
_PATH_QUERY = re.compile(
    r"(/[^\s?/\"'<>]{0,1024})\?[^\s\"'<>=]{0,1024}=[^\s\"'<>]*|(with url: [^\s?]{0,4096})\?\S+"
)

#: A parameter or setting that by its name carries a secret, wherever it stands.
_NAMED = re.compile(
    r"\b((?:X-(?:Amz|Goog)-[\w-]{1,64}"
    r"|[\w-]{0,64}?(?:signature|secret|token|passw(?:or)?d|credential|api[_-]?key)[\w-]{0,64}"
    r"|sig|AWSAccessKeyId|Key-Pair-Id|Policy|hmac)[\"']?\s{0,4}=\s{0,4})[\"']?[^\s&\"'<>;,]+",
    re.IGNORECASE,
)
_HEADER = re.compile(r"\b(Bearer|Basic|AWS4-HMAC-SHA256)\s+[\w+/=.~:-]{12,}")
_SIGNED_HEADER = re.compile(r"\b(x-(?:amz|goog)-[\w-]{1,64}\s{0,4}:\s{0,4})[^\s,;]+", re.IGNORECASE)

#: AWS access key ids begin like this (IAM user guide, "Understanding unique ID prefixes").
_KEY_ID = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{8,64}\b")

_SECRET_NAME = re.compile(r"secret|token|passw|authorization|credential", re.IGNORECASE)

_remembered: set[str] = set()


def remember_secret(*values: str | None) -> None:
    """Mask these values from here on: what the process learned elsewhere than from its environment."""
    _remembered.update(part for value in values if value for part in value.split())


def remember_address(url: str) -> None:
    """Mask the password in an address from here on, as it is written and as it is meant."""
    password = _password(url)
    remember_secret(password, unquote(password))


def is_secret_name(name: str) -> bool:
    """Tell whether something of this name should not be shown."""
    return bool(_SECRET_NAME.search(name))


def redact(text: str) -> str:
    """Return text with everything that is, or looks like, a secret replaced by ``***``."""
    for value in sorted({*_remembered, *_from_environment()}, key=len, reverse=True):
        if len(value) >= _SHORTEST:
            text = text.replace(value, MASK)
    if len(text) > _LONGEST:
        # The end holds a traceback's message. It begins at a blank, not in the middle of a signature.
        text = f"{text[: _LONGEST - _TAIL]} ... {text[-_TAIL:].partition(' ')[2]}"
    if "://" in text:
        text = _REDIS_USERINFO.sub(rf"\1{MASK}@", text)
        text = _USERINFO.sub(rf"\1{MASK}@", text)
        text = _WEB_QUERY.sub(rf"\1?{MASK}", text)
    if "?" in text:
        text = _PATH_QUERY.sub(rf"\1\2?{MASK}", text)
    if "=" in text:
        text = _NAMED.sub(rf"\1{MASK}", text)
    text = _SIGNED_HEADER.sub(rf"\1{MASK}", _KEY_ID.sub(MASK, text))
    return _HEADER.sub(rf"\1 {MASK}", text)


def _from_environment() -> Iterable[str]:
    for name, value in os.environ.items():
        if name in _ADDRESSES:
            password = _password(value)
            yield from (password, unquote(password))
        elif name == _WITH_PARTS:
            yield from value.split()
        elif _HEADERS.fullmatch(name):
            for header in value.split(","):
                secret = header.partition("=")[2].strip()
                yield from (secret, unquote(secret), unquote(secret).rpartition(" ")[2])
        elif _is_secret_variable(name) and not value.startswith("/"):  # a path names where the secret lies
            yield value


@lru_cache(maxsize=1024)
def _is_secret_variable(name: str) -> bool:
    return bool(_VARIABLE.search(name))


def _password(url: str) -> str:
    userinfo = url.partition("://")[2].rpartition("@")[0]
    if userinfo:
        return userinfo.partition(":")[2]
    try:
        query = urlsplit(url).query
    except ValueError:
        return ""
    match = re.search(r"(?:^|&)password=([^&]*)", query)
    return match[1] if match else ""
