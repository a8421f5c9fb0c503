"""What probing says must be what decoding shows, whatever the container."""

from __future__ import annotations

import io
import random
import wave
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import encoders.probe
from encoders.probe import probe
from gopfarm.errors import SourceError
from gopfarm.facts import SourceFacts, SourceRef
from tests.encoders.clips import RECIPES, Clips, CountingFile, ffmpeg, look, plain_decode, sound_of, video_of

SOUNDS = ("sound.m4a", "sound.wav", "subtitles.mp4")
#: Too large to decode again here, or without times of its own.
OTHERS = ("large.mp4", "unstamped.avi")
PICTURES = [name for name in RECIPES if name not in (*SOUNDS, *OTHERS)]

#: Real clips, with the number of frames where decoding them here would take too long: ffmpeg counted those.
REAL = {
    **dict.fromkeys(
        (
            *("bbb_720p25_5s.mp4", "bpyramid_800x640p30.mp4", "cars_432p12.5_30s.mp4"),
            *("hdr10_av1_portrait.mp4", "hlg10_hevc_1080p.mp4", "mpeg4_mp3.avi", "mpegts_2500ms.ts"),
            *("pcm_1080p50.mov", "rotated270_720p2997.mp4", "subtitles_srt_ac3.mkv", "vfr_320x240.mp4"),
            *("vfr_640x360_17s.mp4", "vorbis_720p.mkv", "vp9_642x642p30.webm", "walkers_432p10_139s.mp4"),
        )
    ),
    "bench_mix_1080p30_14s.mp4": 414,
    "hevc_1080p2997_editlist.mp4": 77,
    "long_1080p30_363s.mp4": 10883,
}


def probe_bytes(data: bytes, name: str = "film.mp4") -> SourceFacts:
    return probe(io.BytesIO(data), SourceRef(name, len(data), ""))


def refusal(data: bytes) -> str:
    """Return why bytes are refused: one line that names the file."""
    with pytest.raises(SourceError) as caught:
        probe_bytes(data)
    message = str(caught.value)
    assert message.startswith("film.mp4: ")
    assert "\n" not in message
    return message.removeprefix("film.mp4: ")


@pytest.mark.parametrize("name", PICTURES)
def test_frames_and_start_are_those_of_the_decoded_film(name: str, clip: Clips) -> None:
    video = video_of(clip(name))
    decoded = plain_decode(clip(name))
    assert video.frame_count == len(decoded)
    assert video.origin == decoded[0][0]


@pytest.mark.parametrize("name", REAL)
def test_frames_and_start_of_real_films_are_those_decoded(name: str, media: Path) -> None:
    video = video_of(media / name)
    with av.open(str(media / name)) as container:
        container.streams.video[0].thread_type = "AUTO"
        frames = container.decode(video=0)
        first = next(frames)
        assert first.pts is not None
        assert first.time_base is not None
        assert video.origin == first.pts * first.time_base
        known = REAL[name]
        assert video.frame_count == (known or 1 + sum(1 for _ in frames))


@pytest.mark.parametrize(
    ("name", "rate", "constant"),
    [
        *[("closed.mp4", "25", True), ("ntsc.mkv", "30000/1001", True), ("variable.mp4", "25", False)],
        *[("offset.ts", "25", True), ("editlist.mp4", "25", True), ("still.mp4", "25", True)],
    ],
)
def test_the_rate_is_the_true_one(name: str, rate: str, constant: bool, clip: Clips) -> None:
    video = video_of(clip(name))
    assert (video.grid_rate, video.constant_rate) == (Fraction(rate), constant)
    if constant:
        assert video.grid_frames == video.frame_count


def test_sound_keeps_its_own_clock(clip: Clips) -> None:
    sound = look(clip("offset.ts")).audio[0]
    with av.open(str(clip("offset.ts"))) as container:
        first = next(container.decode(audio=0))
    assert first.pts is not None
    assert first.time_base is not None
    assert sound.start == first.pts * first.time_base
    assert (sound.codec, sound.sample_rate, sound.channels, sound.layout) == ("aac", 48_000, 2, "stereo")
    assert abs(sound.duration - 6) < Fraction(1, 20)


def test_a_cover_picture_is_not_a_film(clip: Clips, tmp_path: Path) -> None:
    song = tmp_path / "song.m4a"
    ffmpeg(
        *("-i", str(clip("sound.m4a")), "-f", "lavfi", "-i", "color=size=64x64:duration=0.04"),
        *("-map", "0", "-map", "1", "-c:a", "copy", "-c:v", "mjpeg", "-disposition:v", "attached_pic"),
        str(song),
    )
    facts = look(song)
    assert facts.video is None
    assert len(facts.audio) == 1


@pytest.mark.parametrize(("name", "rotation"), [("closed.mp4", 0), ("rotated.mp4", 270), ("tilted.mp4", 0)])
def test_rotation_is_a_whole_number_of_quarter_turns(name: str, rotation: int, clip: Clips) -> None:
    assert video_of(clip(name)).rotation == rotation


def test_display_size_counts_square_pixels_of_the_turned_picture(clip: Clips) -> None:
    assert video_of(clip("anamorphic.mp4")).display_size == (213, 96)
    assert video_of(clip("rotated.mp4")).display_size == (96, 160)


@pytest.mark.parametrize("name", ["closed.mp4", "open.mp4", "hevc.mp4", "offset.ts", "fragmented.mp4"])
def test_every_gop_of_a_film_is_a_place_to_start(name: str, clip: Clips) -> None:
    video = video_of(clip(name))
    gop = 20 if name in ("open.mp4", "hevc.mp4") else 25
    assert [key.slot for key in video.keyframes] == list(range(0, video.frame_count, gop))


def test_a_stream_that_comes_up_late_does_no_harm(clip: Clips) -> None:
    film = b"".join(clip(f"{part}.ts").read_bytes() for part in ("before", "middle", "after"))
    with av.open(io.BytesIO(film)) as container:
        assert len(container.streams) == 1
        with pytest.raises(IndexError):  # PyAV's own stumbling, which encoders.media catches
            list(container.demux(video=0))
    facts = probe_bytes(film)
    assert facts.video is not None
    assert facts.video.frame_count == 450


# Reading no more than needed


@pytest.mark.parametrize("name", ["closed.mp4", "closed.mov", "editlist.mp4", "hevc.mp4", "open.mp4"])
def test_a_scan_of_the_index_alone_gives_the_facts_of_a_full_read(
    name: str, clip: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_index = look(clip(name))
    used = []

    def read_all(*arguments: object) -> bool:
        used.append(arguments)
        return False

    monkeypatch.setattr(encoders.probe, "index_is_complete", read_all)
    # The digest is of payloads too where these are read; a file is always read in one of the two ways.
    assert replace(look(clip(name)), digest=by_index.digest) == by_index
    assert used


@pytest.mark.parametrize("name", ["pcm_1080p50.mov", "hevc_1080p2997_editlist.mp4", "bbb_720p25_5s.mp4"])
def test_real_films_give_the_same_facts_by_index_and_by_full_read(
    name: str, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_index = look(media / name)
    monkeypatch.setattr(encoders.probe, "index_is_complete", lambda *arguments: False)
    assert replace(look(media / name), digest=by_index.digest) == by_index


def test_an_indexed_file_is_not_read_whole(clip: Clips) -> None:
    data = clip("large.mp4").read_bytes()
    assert len(data) > 10_000_000
    source = CountingFile(data)
    probe(source, SourceRef("large.mp4", len(data), ""))
    assert source.count < len(data) * 0.7  # most of it by decoding a few frames in four places


def test_the_digest_follows_the_content_and_not_the_address(clip: Clips) -> None:
    data = bytearray(clip("closed.mp4").read_bytes())
    digest = probe_bytes(bytes(data)).digest
    assert probe_bytes(bytes(data), "elsewhere.mp4").digest == digest
    data[-100] ^= 1
    assert probe_bytes(bytes(data)).digest != digest


def test_probing_twice_gives_equal_facts(clip: Clips) -> None:
    for name in ("closed.mp4", "offset.ts", "ntsc.mkv"):
        assert look(clip(name)) == look(clip(name))


# Refusals


def test_an_empty_file_is_refused() -> None:
    assert refusal(b"") == "not a video or audio file that can be read"


def test_text_is_refused() -> None:
    assert "not a video or audio file" in refusal(b"It was a dark and stormy night.\n" * 200)


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n/etc/passwd\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXTINF:6,\nfile:///etc/passwd\n",
        "ffconcat version 1.0\nfile /etc/passwd\n",
        '<?xml version="1.0"?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>',
    ],
)
def test_a_playlist_is_refused_and_what_it_names_is_not_opened(text: str) -> None:
    assert "not a video or audio file" in refusal(text.encode())


def test_random_bytes_are_refused() -> None:
    dice = random.Random(1)
    for size in (1, 7, 8, 188, 5000, 100_000):
        refusal(dice.randbytes(size))


@pytest.mark.parametrize("share", [0.3, 0.5, 0.99])
def test_a_film_cut_off_in_the_middle_is_refused_as_truncated(share: float, clip: Clips) -> None:
    whole = clip("closed.mp4").read_bytes()
    assert whole.index(b"moov") < whole.index(b"mdat")
    cut = whole[: int(len(whole) * share)]
    assert refusal(cut) == f"the file is truncated: it ends after {len(cut)} bytes, its index names more"


def test_a_film_cut_off_before_its_index_is_refused_as_truncated(clip: Clips) -> None:
    whole = clip("closed.mov").read_bytes()
    assert whole.index(b"mdat") < whole.index(b"moov")
    assert refusal(whole[: len(whole) // 2]) == "the file is truncated: its index (the moov box) is missing"
    assert refusal(whole[:-100]).startswith("the file is truncated: it ends after")


def test_a_film_cut_off_in_a_64_bit_box_header_is_refused(clip: Clips) -> None:
    whole = clip("closed.mp4").read_bytes()
    header = whole[: int.from_bytes(whole[:4], "big")]
    assert "index" in refusal(header + b"\x00\x00\x00\x01mdat")


def test_a_file_of_subtitles_alone_is_refused(clip: Clips) -> None:
    assert "neither picture nor sound" in refusal(clip("subtitles.mp4").read_bytes())


def test_an_encrypted_film_is_refused_as_such(clip: Clips) -> None:
    film = clip("closed.mp4").read_bytes()
    assert film.count(b"avc1") == 2  # the brand, and the sample entry
    at = film.rindex(b"avc1")
    assert "encrypted (DRM)" in refusal(film[:at] + b"encv" + film[at + 4 :])


def test_a_title_that_looks_like_encryption_is_no_obstacle(clip: Clips) -> None:
    assert video_of(clip("titled.mp4")).frame_count == 150


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bad_encrypted.mp4", "it is encrypted (DRM); transcoding needs the clear original"),
        ("bad_init_only.mp4", "it has headers but no picture and no sound in it"),
        ("bad_truncated_no_moov.mp4", "the file is truncated: its index (the moov box) is missing"),
    ],
)
def test_bad_real_files_are_refused_with_their_reason(name: str, reason: str, media: Path) -> None:
    assert refusal((media / name).read_bytes()) == reason


@given(data=st.data())
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_damage_anywhere_is_survived_or_refused_in_one_line(clip: Clips, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["closed.mp4", "fragmented.mp4", "offset.ts", "ntsc.mkv", "vp9.webm"]))
    film = bytearray(clip(name).read_bytes())
    reach = data.draw(st.sampled_from([2000, len(film)]))
    for at, value in data.draw(
        st.lists(st.tuples(st.integers(0, reach - 1), st.integers(0, 255)), max_size=50)
    ):
        film[at] = value
    hole = data.draw(st.integers(0, len(film) - 1))
    del film[hole : hole + data.draw(st.sampled_from([0, 1, 188, 3000, len(film)]))]
    try:
        outcome = probe_bytes(bytes(film))
    except SourceError as error:
        refused = str(error)
    else:
        assert outcome.video is not None or outcome.audio
        return
    assert refused.startswith("film.mp4: ")
    assert "\n" not in refused


def test_a_wrong_size_in_the_reference_is_seen_as_truncation(clip: Clips) -> None:
    path = clip("closed.mp4")
    facts = look(path)
    with path.open("rb") as source, pytest.raises(SourceError, match="truncated"):
        probe(source, replace(facts.source, size=facts.source.size - 1000))


def test_sound_that_differs_only_between_the_samples_of_the_digest_is_another_content(tmp_path: Path) -> None:
    digests = set()
    for value in (1, 2):
        path = tmp_path / f"{value}.wav"
        with wave.open(str(path), "wb") as out:
            out.setparams((2, 2, 48_000, 0, "NONE", ""))
            frames = bytearray(4 * 48_000 * 10)
            frames[100_000] = value
            out.writeframes(bytes(frames))
        digests.add(look(path).digest)
    assert len(digests) == 2


def test_a_clock_that_runs_for_years_is_refused(clip: Clips, tmp_path: Path) -> None:
    path = tmp_path / "years.mkv"
    with av.open(str(clip("closed.mp4"))) as film, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(film.streams.video[0])
        for number, packet in enumerate(film.demux(film.streams.video[0])):
            if packet.size and packet.pts is not None and packet.dts is not None:
                jump = int(365 * 24 * 3600 / packet.time_base) if number > 10 else 0
                packet.pts, packet.dts = packet.pts + jump, packet.dts + jump
                packet.stream = stream
                out.mux(packet)
    with pytest.raises(SourceError, match="more than 24 hours"):
        look(path)


def test_a_last_ogg_packet_that_ends_before_it_begins_is_trimmed(tmp_path: Path) -> None:
    path = tmp_path / "short.ogg"
    tone = "sine=frequency=440:sample_rate=8000:duration=0.101"
    ffmpeg("-f", "lavfi", "-i", tone, "-c:a", "libvorbis", str(path))
    (track,) = look(path).audio
    _, samples = sound_of(path)
    assert abs(track.duration - Fraction(samples.shape[1], 8000)) < Fraction(1, 1000)


def test_metadata_that_are_no_text_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "named.mkv"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-metadata", "title=GARBLED", "-c:a", "flac", str(path))
    path.write_bytes(path.read_bytes().replace(b"GARBLED", b"GA\xff\xfeLED"))
    assert len(look(path).audio) == 1
