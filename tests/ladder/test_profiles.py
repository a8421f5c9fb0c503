from __future__ import annotations

from pathlib import Path

import pytest

from gopfarm.errors import SpecError
from ladder import DEFAULT_PROFILE, load_profile, parse_profile, preset_names, read_profile

OWN = "renditions:\n  - {name: tiny, height: 144, bitrate: 100k}\n"


@pytest.mark.parametrize("name", preset_names())
def test_every_built_in_profile_is_valid_and_bears_its_name(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    heights = [rendition.height for rendition in profile.renditions]
    assert heights == sorted(heights, reverse=True)


def test_the_default_profile_is_the_ladder_of_the_field() -> None:
    profile = load_profile(DEFAULT_PROFILE)
    assert [(rung.name, rung.bitrate) for rung in profile.renditions] == [
        ("1080p", 5_000_000),
        ("720p", 2_800_000),
        ("480p", 1_400_000),
        ("360p", 800_000),
    ]
    assert profile.audio.bitrate == 128_000


def test_a_file_is_read_and_named_after_itself(tmp_path: Path) -> None:
    path = tmp_path / "courses.yaml"
    path.write_text(OWN)
    profile = read_profile(path)
    assert profile.name == "courses"
    assert profile.renditions[0].bitrate == 100_000


def test_an_operators_own_profile_comes_before_a_built_in_one(tmp_path: Path) -> None:
    (tmp_path / "standard.yaml").write_text(OWN)
    assert load_profile("standard", tmp_path).renditions[0].name == "tiny"
    assert load_profile("mobile", tmp_path) == load_profile("mobile")


def test_an_unknown_name_is_answered_with_those_that_exist(tmp_path: Path) -> None:
    (tmp_path / "courses.yaml").write_text(OWN)
    with pytest.raises(SpecError, match=r"'huge'; there are courses, mobile, standard, uhd"):
        load_profile("huge", tmp_path)


def test_a_name_cannot_leave_the_operators_folder(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "secret.yaml").write_text(OWN)
    with pytest.raises(SpecError, match="there is no profile"):
        load_profile("../secret", tmp_path / "own")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: [1\nb: 2", r"is not YAML \(line 2\)"),
        ("name: 2024-99-99", "is not YAML"),
        ("\x00", "is not YAML"),
        ("- a list", "must be a mapping with at least 'renditions'"),
        ("", "must be a mapping with at least 'renditions'"),
        ("name: x", "renditions: Field required"),
        ("1: x\n" + OWN, "Keys should be strings"),
        (OWN.replace("144", "tall"), r"renditions\.0\.height: Input should be a valid integer"),
        (OWN + "preset: best", "preset: Input should be 'ultrafast'"),
    ],
)
def test_a_bad_profile_is_explained_in_one_line(text: str, fault: str) -> None:
    with pytest.raises(SpecError, match=fault) as caught:
        parse_profile(text, "profile x.yaml")
    assert str(caught.value).startswith("profile x.yaml is not")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "fault"), [(None, "No such file"), (b"\xff\xfe\x00", "it is not UTF-8 text")]
)
def test_a_file_that_cannot_be_read_is_named(content: bytes | None, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SpecError, match=f"{path} cannot be read: {fault}"):
        read_profile(path)
