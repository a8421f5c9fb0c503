"""From ASS, which every text subtitle becomes in libavcodec, to WebVTT."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders.asstext import Script, cue_text, read_script
from encoders.webvtt import Cue, document
from tests.encoders.vtt import parse

HEADER = r"""[Script Info]
PlayResX: 1920
PlayResY: 1080

[V4+ Styles]
Format: Name, Fontname, Bold, Italic, Underline, Alignment
Style: Default,Arial,0,0,0,2
Style: Sign,Arial,-1,0,0,8
Style: Thought,Arial,0,1,0,2
"""
SCRIPT = read_script(HEADER)


def text(event: str, style: str = "Default", script: Script = SCRIPT) -> str:
    return cue_text(f"0,0,{style},,0,0,0,,{event}", script)[0]


def settings(event: str, style: str = "Default", script: Script = SCRIPT) -> str:
    return cue_text(f"0,0,{style},,0,0,0,,{event}", script)[1]


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        (r"a, b & c <d> --> e", "a, b &amp; c &lt;d&gt; --&gt; e"),
        (r"one\Ntwo\N\N three \Nfour", "one\ntwo\nthree\nfour"),
        (r"hard\hspace, soft\nbreak", "hard space, soft break"),
        (r"{\i1}it{\i0} {\b1}bo{\b0} {\u1}un{\u0}", "<i>it</i> <b>bo</b> <u>un</u>"),
        (r"{\b700}heavy{\b400}light", "<b>heavy</b>light"),
        (r"{\i1\b1}both{\r} none", "<b><i>both</i></b> none"),
        (r"{\i1}one\Ntwo{\i0}", "<i>one</i>\n<i>two</i>"),
        (r"{\fs40\c&H00FF00&\blur2\bord3\iclip(0,0,1,1)}plain{\fad(1,2)}", "plain"),
        (r"{\t(0,500,\i1\fscx(120))}still{\k20}plain", "stillplain"),
        (r"{\p1}m 0 0 l 10 10{\p0}words", "words"),
        (r"{\p1}m 0 0 l 10 10", ""),
        (r"{a comment}shown } and { kept", "shown } and { kept"),
        ("\\{braces\\} and back\\\u2060slash", "{braces} and back\\slash"),
        (r"{\i1} {\i0}\N \h", ""),
        ("line\r\nends\rof\nall kinds\x00\x1b", "line\nends\nof\nall kinds"),
    ],
)
def test_events_become_cue_text(event: str, payload: str) -> None:
    assert text(event) == payload


@pytest.mark.parametrize(
    ("event", "placed"),
    [
        ("usual place", ""),
        (r"{\an2}usual place", ""),
        (r"{\an8}top", "line:0"),
        (r"{\an5}middle", "line:50%"),
        (r"{\an1}left", "position:5% align:left"),
        (r"{\an9}top right", "line:0 position:95% align:right"),
        (r"{\a6}top, as SSA says it", "line:0"),
        (r"{\an8}the first{\an1} counts", "line:0"),
        (r"{\an7\pos(480,100)}sign", "line:0 position:25% align:left"),
        (r"{\pos(960,1000)}bottom centre", ""),
        (r"{\pos(480,540)}middle, off centre", "line:50% position:25%"),
        (r"{\pos(-9999,99999)}outside", "position:0%"),
        (r"{\alpha&HFF&\an8}not \alpha", "line:0"),
    ],
)
def test_alignment_becomes_settings(event: str, placed: str) -> None:
    assert settings(event) == placed


def test_styles_of_the_script_count() -> None:
    assert (text("exit", "Sign"), settings("exit", "Sign")) == ("<b>exit</b>", "line:0")
    assert text(r"hm {\i0}no{\i}yes", "*Thought") == "<i>hm </i>no<i>yes</i>"
    assert text(r"{\rThought}hm{\r}", "Default") == "<i>hm</i>"
    assert text("plain", "Nowhere") == "plain"


def test_old_scripts_count_alignments_in_their_own_way() -> None:
    old = read_script(
        "[V4 Styles]\nFormat: Name, Alignment\nStyle: Top,6\nStyle: Middle,10\nStyle: Default,2"
    )
    assert [settings("x", style, old) for style in ("Top", "Middle", "Default")] == ["line:0", "line:50%", ""]


def test_an_event_with_too_few_fields_is_empty() -> None:
    assert cue_text("0,0,Default", SCRIPT) == ("", "")


@given(st.text(alphabet=st.sampled_from("{}\\Nnhibupran0189()tmove,pos& <>-\r\n\x00a"), max_size=80))
def test_no_event_breaks_a_file(event: str) -> None:
    payload, placed = cue_text(f"0,0,Default,,0,0,0,,{event}", SCRIPT)
    cues = [Cue(0, 1, payload, placed)] if payload else []
    parsed = parse(document([*cues, Cue(2, 3, "after")])).cues
    assert [cue.payload for cue in parsed] == [cue.payload for cue in cues] + ["after"]


@given(st.text(alphabet=st.sampled_from("[V4+ Styles]\n:,FormatlePyRsX0.e9-"), max_size=200))
def test_no_header_is_an_error(header: str) -> None:
    assert cue_text("0,0,Default,,0,0,0,,x", read_script(header))[0]
