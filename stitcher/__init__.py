"""From finished segments to published playlists: verification, HLS, DASH."""

from stitcher.check import RenditionDelivery, check_results
from stitcher.dash import MANIFEST
from stitcher.hls import MEDIA_PLAYLIST
from stitcher.hls import MULTIVARIANT_PLAYLIST as MASTER
from stitcher.publish import Published, is_growing, publish, rendition_reports, restore_playlists
from stitcher.report import RenditionReport

__all__ = [
    "MANIFEST",
    "MASTER",
    "MEDIA_PLAYLIST",
    "Published",
    "RenditionDelivery",
    "RenditionReport",
    "check_results",
    "is_growing",
    "publish",
    "rendition_reports",
    "restore_playlists",
]
