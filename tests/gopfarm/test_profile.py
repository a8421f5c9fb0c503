from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gopfarm.profile import Profile, RenditionSpec, parse_bitrate
from gopfarm.spec import explain

RUNG = {"name": "720p", "height": 720, "bitrate": 2_800_000}


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("2800k", 2_800_000),
        ("5M", 5_000_000),
        ("2.5m", 2_500_000),
        ("128000", 128_000),
        (" 96 k ", 96_000),
        ("64kbps", 64_000),
        ("1.1Mbit/s", 1_100_000),
    ],
)
def test_bitrates_may_be_written_as_people_write_them(text: str, bits: int) -> None:
    assert parse_bitrate(text) == bits
    assert RenditionSpec(name="a", height=720, bitrate=parse_bitrate(text)).bitrate == bits


@pytest.mark.parametrize("text", ["", "fast", "5G", "-5M", "5MM", "1e6", "k"])
def test_a_text_that_is_no_bitrate_is_answered_with_examples(text: str) -> None:
    assert "renditions.0.bitrate: should be bits per second, such as 128000, 2800k or 5M" in _fault(
        renditions=[RUNG | {"bitrate": text}]
    )


def test_peak_and_buffer_follow_from_the_average_unless_given() -> None:
    rung = RenditionSpec(name="a", height=720, bitrate=1_000_000)
    assert (rung.peak, rung.buffer) == (1_070_000, 1_500_000)
    rung = RenditionSpec(name="a", height=720, bitrate=1_000_000, maxrate=2_000_000, bufsize=3_000_000)
    assert (rung.peak, rung.buffer) == (2_000_000, 3_000_000)


def test_a_profile_needs_nothing_but_its_renditions() -> None:
    profile = Profile.model_validate({"renditions": [RUNG]})
    assert profile.model_dump(exclude={"renditions", "audio"}) == {
        "name": "custom",
        "segment_seconds": 6.0,
        "max_damaged": 0.01,
        "format": "cmaf",
        "encoder": "auto",
        "preset": "medium",
    }
    assert profile.audio.model_dump() == {
        "bitrate": 128_000,
        "channels": 2,
        "sample_rate": 48_000,
        "surround": None,
        "loudness": None,
    }


@pytest.mark.parametrize(
    ("changes", "named", "allowed"),
    [
        ({"colour": "red"}, "colour", "is not a field"),
        ({"renditions": []}, "renditions", "at least 1 item"),
        ({"renditions": [RUNG | {"height": 8}]}, "renditions.0.height", "greater than or equal to 16"),
        ({"renditions": [RUNG | {"bitrate": 1}]}, "renditions.0.bitrate", "greater than or equal to 10000"),
        ({"renditions": [RUNG | {"name": "../x"}]}, "renditions.0.name", "pattern"),
        (
            {"renditions": [RUNG | {"maxrate": "2M"}]},
            "renditions.0",
            "maxrate 2000000 is below bitrate 2800000",
        ),
        ({"renditions": [RUNG, RUNG]}, "", "rendition names must be unique"),
        ({"renditions": [RUNG | {"name": "audio-en"}]}, "", "rendition names must not start with 'audio-'"),
        ({"segment_seconds": 0.5}, "segment_seconds", "greater than or equal to 1"),
        ({"segment_seconds": 60}, "segment_seconds", "less than or equal to 20"),
        ({"format": "mkv"}, "format", "'cmaf' or 'ts'"),
        ({"encoder": "x265"}, "encoder", "'auto', 'libx264' or 'nvenc'"),
        ({"preset": "best"}, "preset", "'veryfast'"),
        ({"audio": {"channels": 6}}, "audio.channels", "1 or 2"),
        ({"audio": {"sample_rate": 22050}}, "audio.sample_rate", "44100 or 48000"),
        ({"audio": {"loudness": 3}}, "audio.loudness", "less than or equal to -5"),
        ({"audio": {"surround": {"bitrate": "9M"}}}, "audio.surround.bitrate", "512000"),
    ],
)
def test_a_wrong_field_is_named_with_what_is_allowed(
    changes: dict[str, Any], named: str, allowed: str
) -> None:
    line = _fault(**({"renditions": [RUNG]} | changes))
    head, _, fault = line.partition(": ")
    assert head == "profile is not valid"
    assert fault.startswith(f"{named}: " if named else allowed)  # what concerns no one field says so itself
    assert allowed in fault
    assert ";" not in fault, "one mistake is one fault"


def _fault(**document: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        Profile.model_validate(document)
    return explain(caught.value, "profile")
