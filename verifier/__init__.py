"""A checker of published HLS streams, ours or anyone's: playlists, media, and both against the source."""

from verifier.check import verify
from verifier.findings import Finding, Level
from verifier.report import Report

__all__ = ["Finding", "Level", "Report", "verify"]
