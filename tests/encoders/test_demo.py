import subprocess
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest

from encoders.demo import FRAME_RATE, GOP_FRAMES, SCENES, make_demo_clip
from gopfarm.errors import DestinationError

SECONDS = 5


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "new folder" / "a clip.mp4"
    make_demo_clip(path, SECONDS)
    return path


def test_the_clip_is_720p30_h264_with_stereo_aac_of_the_asked_length(clip: Path) -> None:
    with av.open(str(clip)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.width, video.height) == ("h264", 1280, 720)
        assert video.average_rate == Fraction(FRAME_RATE)
        assert (audio.codec_context.name, audio.layout.name, audio.rate) == ("aac", "stereo", 48_000)
        frames = list(container.decode(video=0))
    assert [frame.time for frame in frames] == pytest.approx(
        [n / FRAME_RATE for n in range(SECONDS * FRAME_RATE)]
    )
    with av.open(str(clip)) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert samples / 48_000 == pytest.approx(SECONDS, abs=0.05)


def test_each_scene_starts_with_a_cut_and_a_keyframe(clip: Path) -> None:
    with av.open(str(clip)) as container:
        frames = [(f.key_frame, f.to_ndarray(format="gray").astype(int)) for f in container.decode(video=0)]
    cuts = [SECONDS * FRAME_RATE * n // len(SCENES) for n in range(len(SCENES))]
    for cut in cuts[1:]:
        across = np.abs(frames[cut][1] - frames[cut - 1][1]).mean()
        within = np.abs(frames[cut - 1][1] - frames[cut - 2][1]).mean()
        assert across > 20
        assert across > 2 * within
    keyframes = [n for n, (key, _) in enumerate(frames) if key]
    assert set(cuts) <= set(keyframes)
    assert max(np.diff([*keyframes, len(frames)])) <= GOP_FRAMES


def test_the_picture_never_stands_still(clip: Path) -> None:
    with av.open(str(clip)) as container:
        frames = [frame.to_ndarray(format="gray").astype(int) for frame in container.decode(video=0)]
    still = [n for n in range(1, len(frames)) if np.abs(frames[n] - frames[n - 1]).max() < 8]
    assert still == []


def test_the_sound_wanders_from_left_to_right_and_back_without_clipping(clip: Path) -> None:
    with av.open(str(clip)) as container:
        sound = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
    assert 0.1 < np.abs(sound).max() < 0.95
    scene = 48_000 * SECONDS // len(SCENES)
    left, right = (np.abs(channel[:scene]) for channel in sound)
    middle = slice(scene * 2 // 5, scene * 3 // 5)
    assert left[: scene // 5].mean() > 1.5 * right[: scene // 5].mean()
    assert right[middle].mean() > 1.5 * left[middle].mean()


def test_ffmpeg_decodes_it_without_a_warning(clip: Path) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "warning", "-i", str(clip), "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_a_place_that_cannot_be_written_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DestinationError, match=r"clip\.mp4"):
        make_demo_clip(tmp_path / "file" / "clip.mp4", 1)
    with pytest.raises(DestinationError):
        make_demo_clip(tmp_path, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_failure_half_way_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(path: Path, seconds: int) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("out of luck")

    monkeypatch.setattr("encoders.demo._write", breaks)
    with pytest.raises(RuntimeError):
        make_demo_clip(tmp_path / "clip.mp4", 1)
    assert list(tmp_path.iterdir()) == []
