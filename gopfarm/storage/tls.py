"""Telling a certificate that is not trusted, which stays so, from a TLS connection that broke."""

from __future__ import annotations

import ssl


def is_untrusted(error: BaseException) -> bool:
    """Tell whether a certificate was refused, in ``error`` or in what it came from."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ssl.SSLCertVerificationError):
            return True
        seen.add(id(one))
        causes = (*one.args, one.__cause__, one.__context__)
        waiting += [cause for cause in causes if isinstance(cause, BaseException) and id(cause) not in seen]
    return False
