"""The video encoders behind one interface: what each is called, where it runs, and how it is set up.

Nothing else in the farm knows an encoder's flags. A new encoder is one more class here and one more line in
``CODECS``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

from gopfarm.plan import VideoRendition
from gopfarm.profile import X264_PRESETS
from gopfarm.queues import CPU_QUEUE, NVENC_QUEUE

#: Reference distance in frames between a picture's decoding and its showing, at most: both encoders below
#: use one level of referenced B-frames.
REORDER_FRAMES = 2

#: x264 starts each encode with a guess at how hard the pictures are, and takes about half a second to find
#: its level: every joint of chunks would blink. So its first pictures get this many times the bits that the
#: guess allows. Of the lengths from 8 to 16 and factors from 2 to 3 that were tried at veryfast, this left
#: the smallest step in VMAF on mixed scenes; on a steady one they hardly differed. ``vbv-init`` stays at
#: x264's 0.9: with 0.6 the step came back on the mixed scenes.
_START_FRAMES, _START_FACTOR = 16, 2


#: Frames that x264 looks ahead, at most. Presets slower than ``faster`` would look farther (medium 40, slower
#: 60), which takes 6.5 MiB for each frame of 1080p and gains nothing that VMAF can see.
_MOST_LOOKAHEAD = 20

#: x264's presets that look no farther than that by themselves.
_SHORT_SIGHTED = frozenset({"ultrafast", "superfast", "veryfast", "faster"})


#: How much of ``/proc/cpuinfo`` tells of the first core.
_CPU_BYTES = 8192


def _assembly(cpu: Path = Path("/proc/cpuinfo")) -> str:
    """Return the ``x264-params`` that keep x264 from AVX-512.

    There its macroblock tree reads memory that nobody has written, unless the picture's width in macroblocks
    is a multiple of eight: the same frames give other bytes each time. With AVX2 they do not, no figure shows
    it to be slower, and machines with AVX-512 and without it then write the same.
    """
    try:
        with cpu.open() as file:
            features = file.read(_CPU_BYTES)
    except OSError:
        return ""
    return ":asm=avx2" if "avx512" in features else ""


#: Found out once: children look when they have no view of the machine any more.
_ASSEMBLY = _assembly()


class VideoCodec(ABC):
    """One H.264 encoder of libavcodec.

    Every implementation must start a closed GOP with an IDR picture wherever a frame is forced to be intra,
    keep to ``maxrate`` and ``bufsize``, write High profile, and reorder by at most ``REORDER_FRAMES``.
    """

    #: libavcodec's name, also the name in plans.
    name: ClassVar[str]
    #: The queue whose workers have this encoder.
    queue: ClassVar[str]
    #: Whether it tells the squared error of each picture, if asked to (``AV_CODEC_FLAG_PSNR``).
    tells_error: ClassVar[bool]

    @abstractmethod
    def options(self, rendition: VideoRendition, rate: Fraction, captions: bool = False) -> dict[str, str]:
        """Return the encoder's private options for a rendition at ``rate`` frames per second.

        ``captions`` says whether the closed captions that come with the frames are written.
        """


class X264(VideoCodec):
    """libx264 on one CPU core: the farm runs one process per core, so threads inside would only cost."""

    name = "libx264"
    queue = CPU_QUEUE
    tells_error = True  # no time that could be measured, and the same bytes

    def options(self, rendition: VideoRendition, rate: Fraction, captions: bool = False) -> dict[str, str]:
        """Average rate with a VBV; IDR frames are forced from outside, never farther apart than 2 s."""
        sight = {} if rendition.preset in _SHORT_SIGHTED else {"rc-lookahead": str(_MOST_LOOKAHEAD)}
        return {
            "preset": rendition.preset,
            **sight,
            "profile": "high",
            "forced-idr": "1",
            "maxrate": str(rendition.maxrate),
            "bufsize": str(rendition.bufsize),
            "a53cc": str(int(captions)),
            "x264-params": f"zones=0,{_START_FRAMES - 1},b={_START_FACTOR}{_ASSEMBLY}",
        }


class Nvenc(VideoCodec):
    """NVIDIA's hardware encoder: one session per slot.

    Options follow NVIDIA's guide for high-quality, latency-tolerant transcoding: VBR with lookahead,
    adaptive quantisation, and B-frames as references.
    """

    name = "h264_nvenc"
    queue = NVENC_QUEUE
    tells_error = False

    #: NVENC presets p1 (fastest) to p7 (best) of the same rank as x264's.
    _PRESETS: ClassVar[dict[str, str]] = dict(
        zip(X264_PRESETS, ("p1", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p7"), strict=True)
    )

    def options(self, rendition: VideoRendition, rate: Fraction, captions: bool = False) -> dict[str, str]:
        """The same contract as x264: forced IDR, strict rate, High profile, no scene-cut key frames."""
        return {
            "preset": self._PRESETS[rendition.preset],
            "tune": "hq",
            "profile": "high",
            "rc": "vbr",
            "maxrate": str(rendition.maxrate),
            "bufsize": str(rendition.bufsize),
            "forced-idr": "1",
            "no-scenecut": "1",
            "strict_gop": "1",
            "bf": "3",
            "b_ref_mode": "middle",
            "rc-lookahead": str(min(32, round(rate))),
            "spatial-aq": "1",
            "temporal-aq": "1",
            "a53cc": str(int(captions)),
        }


CODECS: dict[str, VideoCodec] = {codec.name: codec for codec in (X264(), Nvenc())}

#: The queue of audio tasks: any CPU worker takes them.
AUDIO_QUEUE = X264.queue
