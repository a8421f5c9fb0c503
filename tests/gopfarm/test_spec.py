from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gopfarm.errors import SpecError
from gopfarm.profile import Profile
from gopfarm.spec import MAX_METADATA_BYTES, JobSpec, parse_spec

SMALLEST: dict[str, Any] = {"source": "s3://films/a.mp4", "destination": "s3://streams/a"}
INLINE = {
    "renditions": [{"name": "720p", "height": 720, "bitrate": "2800k", "maxrate": "3M", "bufsize": None}]
}
FULL = SMALLEST | {
    "profile": INLINE | {"audio": {"bitrate": "96k", "channels": 1}, "segment_seconds": 4, "format": "ts"},
    "priority": 9,
    "tenant": "acme.films_1",
    "idempotency_key": "film 17, take 2",
    "webhook": "https://hooks.example.com/done?x=1",
    "metadata": {"id": 17, "tags": ["a", None, {"deep": 1.5}]},
}


def test_source_and_destination_are_enough() -> None:
    spec = parse_spec(json.dumps(SMALLEST))
    assert spec.profile == "standard"
    assert (spec.priority, spec.tenant, spec.metadata) == (5, "default", {})
    assert (spec.idempotency_key, spec.webhook) == (None, None)


@pytest.mark.parametrize("document", [SMALLEST, FULL, SMALLEST | {"profile": "mobile"}])
def test_a_spec_survives_the_store(document: dict[str, Any]) -> None:
    spec = parse_spec(json.dumps(document))
    assert parse_spec(spec.model_dump_json()) == spec


def test_an_inline_profile_is_understood_with_its_defaults() -> None:
    profile = parse_spec(json.dumps(SMALLEST | {"profile": INLINE})).profile
    assert isinstance(profile, Profile)
    assert profile.renditions[0].bitrate == 2_800_000
    assert profile.segment_seconds == 6


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"source": ""}, "source: String should have at least 1 character"),
        ({"colour": 1}, "colour: is not a field that exists here"),
        ({"Profile": "standard"}, "Profile: is not a field that exists here"),
        ({"str": 1}, "str: is not a field that exists here"),
        ({"two\nlines": 1}, "two lines: is not a field that exists here"),
        ({"priority": 10}, "priority: Input should be less than or equal to 9"),
        ({"priority": -1}, "priority: Input should be greater than or equal to 0"),
        ({"priority": "high"}, "priority: Input should be a valid integer"),
        ({"tenant": "a b"}, "tenant: String should match pattern"),
        ({"idempotency_key": ""}, "idempotency_key: String should have at least 1 character"),
        ({"metadata": [1]}, "metadata: Input should be an object"),
        ({"metadata": {"a": [float("nan")]}}, "metadata: has a number that JSON cannot say"),
        (
            {"metadata": {"a": "x" * MAX_METADATA_BYTES}},
            "metadata: is 16393 bytes of JSON, at most 16384 are",
        ),
        ({"profile": 5}, "profile: Input should be an object"),
        ({"profile": {}}, "profile.renditions: Field required"),
        (
            {"profile": {"renditions": [{"name": "a", "height": 9, "bitrate": 99_000}]}},
            "profile.renditions.0.height: Input should be greater than or equal to 16",
        ),
        (
            {"profile": {"renditions": [{"name": "a", "height": 90, "bitrate": 99_000, "codec": "vp9"}]}},
            "profile.renditions.0.codec: is not a field that exists here",
        ),
    ],
)
def test_a_wrong_field_is_named_in_one_line_with_what_is_allowed(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(json.dumps(SMALLEST | changes))
    line = str(caught.value)
    assert line.startswith(f"job spec is not valid: {fault}")
    assert "\n" not in line
    assert ";" not in line, "one mistake is one fault"


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec('{"priority": 12, "tenant": "!"}')
    faults = str(caught.value).removeprefix("job spec is not valid: ").split("; ")
    assert [fault.partition(":")[0] for fault in faults] == ["source", "destination", "priority", "tenant"]


@pytest.mark.parametrize("document", ["", "{", "[]", "null", "\x00"])
def test_what_is_no_json_object_is_refused_in_one_line(document: str) -> None:
    with pytest.raises(SpecError, match=r"^job spec is not valid: [^\n]+$"):
        parse_spec(document)


@pytest.mark.parametrize("document", [SMALLEST, FULL, SMALLEST | {"profile": INLINE}])
def test_the_published_schema_accepts_what_the_farm_accepts(document: dict[str, Any]) -> None:
    parse_spec(json.dumps(document))
    assert list(_schema().iter_errors(document)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"priority": 10},
        {"colour": 1},
        {"tenant": "a b"},
        {"profile": {"renditions": []}},
        {"profile": {"renditions": [{"name": "a", "height": 90, "bitrate": "fast"}]}},
        {"profile": {"renditions": [{"name": "a", "height": 90, "bitrate": 1}]}},
    ],
)
def test_the_published_schema_refuses_what_the_farm_refuses(changes: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        parse_spec(json.dumps(SMALLEST | changes))
    assert list(_schema().iter_errors(SMALLEST | changes))


def _schema() -> Draft202012Validator:
    schema = JobSpec.model_json_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)
