from __future__ import annotations

from xml.etree.ElementTree import Element, fromstring, tostring

from hypothesis import given
from hypothesis import strategies as st

from stitcher.hls import quoted
from stitcher.tracks import MAX_NAME, clean_name, label_subtitles, label_tracks, language_tag
from tests.stitcher.build import audio, words

titles = st.one_of(st.text(), st.text(alphabet='ab"\n\r\x00\x0b\ud800\uffff\u2028 '))


@given(titles)
def test_any_title_fits_a_quoted_attribute_and_xml(title: str) -> None:
    name = clean_name(title)
    assert len(name) <= MAX_NAME
    assert name.splitlines() in ([], [name])
    assert quoted(name).count('"') == 2
    element = Element("Label")
    element.text = name
    assert (fromstring(tostring(element, encoding="utf-8")).text or "") == name


def test_titles_keep_what_is_harmless() -> None:
    assert clean_name(' The "real"\tone,\n日本語 🎬 ') == "The 'real' one, 日本語 🎬"


@given(st.lists(st.tuples(st.sampled_from(["", "A", "A (2)", '"']), st.sampled_from(["en", "und", "fr"]))))
def test_names_are_unique_and_one_track_is_the_default(tracks: list[tuple[str, str]]) -> None:
    labels = label_tracks([audio(language, title) for title, language in tracks])
    assert len({label.name for label in labels}) == len(tracks)
    assert sum(label.default for label in labels) == min(1, len(tracks))
    assert all(label.name for label in labels)


@given(st.lists(st.tuples(st.sampled_from(["en", "und", "fr"]), st.booleans())))
def test_a_player_can_tell_autoselected_tracks_apart(tracks: list[tuple[str, bool]]) -> None:
    labels = label_tracks([audio(language, default=default) for language, default in tracks])
    chosen = [label.language for label in labels if label.autoselect]
    assert len(chosen) == len(set(chosen)) == len({label.language for label in labels})
    assert all(label.autoselect for label in labels if label.default)


def test_the_track_that_the_source_marks_is_the_default() -> None:
    labels = label_tracks([audio("en"), audio("fr", default=True), audio("de", default=True)])
    assert [label.default for label in labels] == [False, True, False]


def test_the_first_track_is_the_default_where_none_is_marked() -> None:
    assert [label.default for label in label_tracks([audio("en"), audio("fr")])] == [True, False]


def test_a_nameless_track_is_called_by_its_language_or_number() -> None:
    labels = label_tracks([audio("en", "Director"), audio("fr"), audio("und"), audio("")])
    assert [label.name for label in labels] == ["Director", "fr", "Audio 3", "Audio 4"]


def test_only_language_tags_are_published_as_languages() -> None:
    assert [language_tag(tag) for tag in ("en", "pt-BR", " de ", "zh-Hant-TW", "yue")] == [
        "en",
        "pt-BR",
        "de",
        "zh-Hant-TW",
        "yue",
    ]
    assert [language_tag(tag) for tag in ("", "und", "UND", "e", 'en"', "en\n,X=1", "```")] == [None] * 7


def test_the_codes_that_containers_write_become_the_shortest_tags() -> None:
    codes = ("eng", "ger", "deu", "fre", "fra", "chi", "zho", "cze", "ENG", "eng-US", "iw")
    tags = ["en", "de", "de", "fr", "fr", "zh", "zh", "cs", "en", "en-US", "he"]
    assert [language_tag(code) for code in codes] == tags


@given(st.text(alphabet="abeng-XU1_", max_size=12))
def test_whatever_a_source_calls_its_language_gives_a_tag_or_none(text: str) -> None:
    tag = language_tag(text)
    assert tag is None or (quoted(tag) and " " not in tag)


def test_subtitles_are_shown_unasked_only_where_the_source_marks_them() -> None:
    assert not any(label.default for label in label_subtitles([words("eng"), words("fre")]))
    labels = label_subtitles([words("eng"), words("fre", default=True), words("ger", default=True)])
    assert [label.default for label in labels] == [False, True, False]


def test_players_can_tell_autoselected_subtitles_apart() -> None:
    tracks = [
        words("eng"),
        words("eng", default=True),
        words("eng", forced=True),
        words("en", impaired=True),
        words("en", forced=True),
        words("fre"),
    ]
    assert [label.autoselect for label in label_subtitles(tracks)] == [False, True, True, True, False, True]
    assert [label.name for label in label_subtitles(tracks)] == [
        "en",
        "en (2)",
        "en (3)",
        "en (4)",
        "en (5)",
        "fr",
    ]
