from __future__ import annotations

import pytest

from gopfarm.storage import StoredHeaders, stored_headers

SHORT = "public, max-age=60"
YEAR = "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("key", "content_type", "cache_control"),
    [
        ("master.m3u8", "application/vnd.apple.mpegurl", SHORT),
        ("manifest.mpd", "application/dash+xml", SHORT),
        ("job.json", "application/json", SHORT),
        ("720p/0a1b2c3d4e5f/index.m3u8", "application/vnd.apple.mpegurl", SHORT),
        ("720p/0a1b2c3d4e5f/init.mp4", "video/mp4", YEAR),
        ("720p/0a1b2c3d4e5f/00000.m4s", "video/mp4", YEAR),
        ("720p/0a1b2c3d4e5f/00000.ts", "video/mp2t", YEAR),
        ("audio-eng-0/0a1b2c3d4e5f/init.mp4", "audio/mp4", YEAR),
        ("audio-eng-0/0a1b2c3d4e5f/00000.m4s", "audio/mp4", YEAR),
        ("text-eng-0/0a1b2c3d4e5f/00000.vtt", "text/vtt", YEAR),
    ],
)
def test_each_published_name_has_its_type_and_cache_lifetime(
    key: str, content_type: str, cache_control: str
) -> None:
    assert stored_headers(key) == StoredHeaders(content_type, cache_control)


def test_a_playlist_that_grows_is_cached_for_seconds_and_segments_as_ever() -> None:
    playlist = stored_headers("720p/0a1b2c3d4e5f/index.m3u8", growing=True)
    assert playlist == StoredHeaders("application/vnd.apple.mpegurl", "public, max-age=2")
    segment = "720p/0a1b2c3d4e5f/00000.m4s"
    assert stored_headers(segment, growing=True) == stored_headers(segment)
