"""HDR pictures as SDR: a mid grey stays a mid grey, neutral stays neutral, colours stay vivid."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from encoders.cascade import Cascade
from encoders.colour import colour_of
from encoders.tonemap import HLG, PQ, SDR_WHITE, pq_light, pq_signal, tone_map
from gopfarm.facts import Colour
from scheduler.normalise import target_colour
from tests.encoders.clips import FFMPEG, encode, ffmpeg, join, picture_of, plan_of, video_of
from tests.encoders.patches import COLOURS, PATCH, Array, luma_chroma, patches, read_patches, to_codes
from tests.encoders.test_cascade import PLAIN, rungs

#: Light in cd/m2, and what an SDR display of BT.1886 needs for the same light if its white is 203 cd/m2.
GREYS = np.array([0, 0.05, 1, 5, 26, 58, 100, 203, 400, 1000])
SAME_LIGHT = to_codes((np.minimum(GREYS, SDR_WHITE) / SDR_WHITE)[:, None] ** (1 / 2.4) * [1, 0, 0], 8, False)

#: BT.709 light to BT.2020 light (ITU-R BT.2087, table 4).
TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


def hdr(transfer: int, full: bool = False, peak: int = 1000) -> Colour:
    return Colour(9, transfer, 9, full, peak)


def hlg_signal(light: Array) -> Array:
    """HLG R'G'B' (n, 3) for light on a display of 1000 cd/m2 (ITU-R BT.2100, table 5)."""
    luminance = light @ [0.2627, 0.6780, 0.0593] / 1000
    scene = light / 1000 * np.where(luminance > 0, luminance, 1)[:, None] ** (1 / 1.2 - 1)
    root = np.sqrt(3 * scene)
    return np.where(
        scene <= 1 / 12, root, 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    )


def signal(light: Array, transfer: int) -> Array:
    return pq_signal(light) if transfer == PQ else np.clip(hlg_signal(light), 0, 1)


def shown(name: str, light: Array, colour: Colour) -> Array:
    """Y'CbCr codes of the SDR pictures of patches of BT.2020 light (n, 3)."""
    source, _ = patches(name, 9, colour.full_range, signal(light, colour.transfer))
    source.color_primaries, source.color_trc = colour.primaries, colour.transfer
    picture = replace(PLAIN, colour=colour, target=target_colour(colour))
    frames = Cascade(
        rungs((len(light) * PATCH, PATCH), (len(light) * PATCH // 2, PATCH // 2)), picture
    ).scale(source)
    for frame in frames:
        assert colour_of(frame) == Colour(1, 1, 1, full_range=False)
    codes, half = (read_patches(frame, len(light)) for frame in frames)
    assert np.abs(codes - half).max() <= 1
    return codes


def grey(light: Array) -> Array:
    return np.repeat(light[:, None], 3, axis=1)


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("name", ["yuv420p10le", "yuv422p10le", "yuv444p12le"])
@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_greys_keep_their_light_up_to_where_they_are_rolled_off(transfer: int, name: str, full: bool) -> None:
    codes = shown(name, grey(GREYS), hdr(transfer, full))
    dark = GREYS <= 58
    assert np.abs(codes[dark] - SAME_LIGHT[dark]).max() <= 2
    assert np.abs(codes[:, 1:] - 128).max() <= 1
    assert np.all(np.diff(codes[:, 0]) > 0)
    assert codes[0, 0] == 16
    white, brightest = codes[7, 0], codes[-1, 0]
    assert 0.85 < (white - 16) / 219 < 0.95
    assert abs(brightest - 235) <= 1


def test_a_mid_grey_is_the_same_in_pq_hlg_and_sdr() -> None:
    codes = [shown("yuv420p10le", grey(np.array([0, 26])), hdr(transfer))[1, 0] for transfer in (PQ, HLG)]
    assert codes == [109, 109]


@pytest.mark.parametrize("peak", [0, 100, 1000, 4000, 10_000])
def test_any_peak_leaves_a_mid_grey_and_ends_in_white(peak: int) -> None:
    colour = hdr(PQ, peak=peak)
    ramp = tone_map(np.repeat(np.linspace(0, 1, 1024)[:, None], 3, axis=1), colour)[:, 0]
    assert np.all(np.diff(ramp) >= -1e-12)
    mid, top = tone_map(grey(pq_signal(np.array([26, max(400, peak or 1000)]))), colour)[:, 0]
    assert mid == pytest.approx((26 / SDR_WHITE) ** (1 / 2.4), abs=0.01)
    assert top == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_sdr_colours_inside_hdr_come_out_as_they_are(transfer: int) -> None:
    light = COLOURS**2.4 * 80
    codes = shown("yuv444p10le", light @ TO_2020.T, hdr(transfer))
    expected = to_codes(luma_chroma((light / SDR_WHITE) ** (1 / 2.4), 1), 8, False)
    off = np.abs(codes - expected).max(axis=1)
    edge = (COLOURS.min(axis=1) == 0) & (COLOURS.max(axis=1) > 0)
    assert off[~edge].max() <= 2
    assert off.max() <= 14  # the most vivid colours of SDR lie where the table bends, between its nodes


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_bright_colours_do_not_turn_pale(transfer: int) -> None:
    light = np.array([[1, 0.45, 0.02], [1, 0.9, 0.05], [0.1, 0.2, 1.0]]) * 600
    rgb = tone_map(signal(light @ TO_2020.T, transfer), hdr(transfer))
    assert np.all(rgb.max(axis=1) > 0.95)
    proportion = rgb**2.4 / rgb.max(axis=1, keepdims=True) ** 2.4
    assert proportion == pytest.approx(light / 600, abs=0.02)


def test_colours_beyond_sdr_are_brought_in_without_dark_or_odd_ones() -> None:
    light = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 0]]) * 150.0
    rgb = tone_map(pq_signal(light), hdr(PQ))
    assert np.array_equal(rgb > 0.6, light > 0)
    assert rgb.min() >= 0
    assert rgb.max() <= 1


def test_pq_there_and_back() -> None:
    light = np.array([0.0, 0.01, 1, 100, 1000, 10_000])
    assert pq_light(pq_signal(light)) == pytest.approx(light, rel=1e-6, abs=1e-6)
    assert pq_signal(np.array([100.0, 1000.0])) == pytest.approx([0.5081, 0.7518], abs=1e-4)  # BT.2100


@pytest.fixture(scope="module")
def hdr10(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mid grey in HDR10, with the metadata of its mastering display and of its content."""
    path = tmp_path_factory.mktemp("hdr") / "hdr10.mp4"
    mastering = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(40000000,50)"
    code = round(64 + 876 * float(pq_signal(np.array(26.0))))
    ffmpeg(
        *("-f", "lavfi", "-i", "color=black:size=160x96:rate=25:duration=1,format=yuv420p10le"),
        *("-vf", f"geq=lum={code}:cb=512:cr=512", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params"),
        "log-level=error:pools=1:qp=4:hdr10=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:"
        f"range=limited:master-display={mastering}:max-cll=1200,400",
        str(path),
    )
    return path


def test_an_hdr10_film_becomes_an_sdr_stream_without_a_trace_of_hdr(hdr10: Path, tmp_path: Path) -> None:
    plan = plan_of(hdr10)
    assert plan.facts.video is not None
    assert plan.facts.video.colour == Colour(9, 16, 9, full_range=False, peak=1200)
    encode(plan, hdr10, tmp_path)
    for rendition in plan.video:
        path = join(tmp_path, rendition.name)
        with av.open(str(path)) as container:
            frames = list(container.decode(video=0))
        assert {colour_of(frame) for frame in frames} == {Colour(1, 1, 1, full_range=False)}
        assert all({data.type.name for data in frame.side_data} <= {"SEI_UNREGISTERED"} for frame in frames)
        assert np.abs(read_patches(frames[-1], 1) - [109, 128, 128]).max() <= 2
        told = subprocess.run(
            [FFMPEG, "-hide_banner", "-i", str(path)], capture_output=True, text=True, check=False
        )
        assert "yuv420p(tv, bt709" in told.stderr
        assert "Mastering" not in told.stderr
        assert "Content Light" not in told.stderr


@pytest.mark.parametrize(
    ("name", "transfer"), [("hdr10_av1_portrait.mp4", PQ), ("hlg10_hevc_1080p.mp4", HLG)]
)
def test_real_hdr_films_look_as_bright_as_with_ffmpegs_own_tone_mapping(
    name: str, transfer: int, media: Path
) -> None:
    path = media / name
    video = video_of(path)
    assert video.colour.transfer == transfer
    size = (96, 160) if video.display_size[0] < video.display_size[1] else (160, 90)
    with av.open(str(path)) as container:
        frame: VideoFrame = next(container.decode(video=0))
    ours = Cascade(rungs(size), picture_of(video)).scale(frame)[0].to_ndarray()
    chain = (
        f"scale={size[0]}:{size[1]},zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,"
        "tonemap=mobius:desat=0,zscale=t=bt709:m=bt709:r=tv,format=yuv420p"
    )
    raw = ffmpeg("-i", str(path), "-vf", chain, "-frames:v", "1", "-f", "rawvideo", "-")
    theirs = np.frombuffer(raw, np.uint8).reshape(ours.shape)
    found, told = ours[: size[1]].astype(float), theirs[: size[1]].astype(float)
    assert np.percentile(found, 25) == pytest.approx(np.percentile(told, 25), abs=6)
    assert found.mean() == pytest.approx(told.mean(), abs=12)
    chroma = np.abs(ours[size[1] :].astype(float) - 128).mean()
    assert chroma > 0.8 * np.abs(theirs[size[1] :].astype(float) - 128).mean()
