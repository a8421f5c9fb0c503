"""What chunks cost in quality: chunked against whole, joints, the decoder's buffer, and the cascade.

Both encodes are made by the farm's own tasks with the same settings and the same IDR pictures; only the
joints differ. VMAF is that of libvmaf in ffmpeg, of every picture, against the source in the size of the
rendition.

    python bench/quality.py CLIP [--height 480] [--preset veryfast] [--chunks 4,8] [--json FILE]
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg

from encoders.cascade import Cascade
from encoders.decode import DecodeCounts
from encoders.frames import grid_frames
from encoders.media import open_media
from encoders.tasks import run_task
from gopfarm.plan import Plan, SegmentPlan, VideoRendition, VideoTask
from gopfarm.settings import get_settings
from gopfarm.timeline import cut_evenly
from ladder import load_profile
from scheduler.planner import make_plan
from scheduler.prepare import probe_url
from scheduler.shape import Shape
from verifier.vbv import check_buffer

#: Seconds before and after a joint that count as being at it.
AROUND = Fraction(1, 2)


@dataclass(frozen=True)
class Outcome:
    """One chunk length against the whole: VMAF points, shares, and bits as a share of the buffer.

    ``at_joints`` and ``elsewhere`` are mean differences of VMAF, chunked less whole; ``worst_at_joint`` is
    the least of any picture. ``deviation`` is that of the whole encode's own pictures.
    """

    chunk_seconds: float
    joints: int
    vmaf: float
    vmaf_difference: float
    bitrate_difference: float
    at_joints: float
    elsewhere: float
    worst_at_joint: float
    deviation: float
    least_fullness: float
    least_fullness_whole: float


class Bench:
    """A clip and one of its renditions."""

    def __init__(self, clip: Path, height: int, preset: str, folder: Path) -> None:
        facts = probe_url(str(clip), get_settings())
        profile = load_profile("standard").model_copy(update={"preset": preset})
        self.clip, self.folder = clip, folder
        self.plan: Plan = make_plan(facts, profile, "libx264", "bench", Shape())
        self.rate = self.plan.grid_rate
        self.task = next(task for task in self.plan.tasks if isinstance(task, VideoTask))
        self.rendition: VideoRendition = min(self.plan.video, key=lambda r: abs(r.height - height))
        self.segment = Fraction(str(profile.segment_seconds))
        assert facts.video is not None
        self.keyframes = facts.video.keyframes
        self.reference = folder / "reference.yuv"
        self._scale([self.rendition], self.reference)

    def _scale(self, renditions: Sequence[VideoRendition], file: Path) -> None:
        """Write the source in the size of the last of some renditions, through a cascade of all."""
        cascade = Cascade(renditions, self.task.picture)
        with self.clip.open("rb") as source, open_media(source, self.task.source.url) as container:
            frames = grid_frames(
                container, self.task.picture, self.task.seek, 0, self.plan.grid_frames, DecodeCounts()
            )
            with file.open("wb") as raw:
                for _, frame in frames:
                    raw.write(cascade.scale(frame)[-1].to_ndarray().tobytes())

    def chunks(self, seconds: float) -> list[list[SegmentPlan]]:
        """Cut the clip into equal chunks of at most so many seconds, and these into segments."""
        found: list[list[SegmentPlan]] = []
        number = at = 0
        for length in cut_evenly(self.plan.grid_frames, max(1, int(seconds * self.rate))):
            found.append([])
            for part in cut_evenly(length, max(1, int(self.segment * self.rate))):
                found[-1].append(SegmentPlan(number, at, part))
                number, at = number + 1, at + part
        return found

    def encode(self, chunks: list[list[SegmentPlan]], name: str, direct: bool = False) -> Path:
        """Encode chunk by chunk; return the joined stream. ``direct``: scaled from the source at once."""
        scratch = self.folder / name
        for index, segments in enumerate(chunks):
            seek = max((k for k in self.keyframes if k.slot <= segments[0].start), key=lambda k: k.slot)
            task = replace(
                self.task,
                id=f"bench-{index}",
                seek=seek,
                segments=tuple(segments),
                renditions=(self.rendition,),
                sizes=() if direct else self.task.sizes,
            )
            with self.clip.open("rb") as source:
                run_task(task, io.BytesIO(source.read()), scratch, lambda *_: None, lambda _: None)
        parts = scratch / self.rendition.name
        joined = self.folder / f"{name}.mp4"
        joined.write_bytes(
            b"".join(file.read_bytes() for file in [parts / "init.mp4", *sorted(parts.glob("*.m4s"))])
        )
        return joined

    def vmaf(self, stream: Path) -> list[float]:
        """Return the VMAF of each picture."""
        log, size = self.folder / "vmaf.json", f"{self.rendition.width}x{self.rendition.height}"
        number = f"setpts=N/({self.rate}*TB)"
        graph = f"[0:v]{number}[a];[1:v]{number}[b];[a][b]libvmaf=log_fmt=json:log_path={log}"
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(stream)]
        command += ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", size, "-r", str(self.rate)]
        command += ["-i", str(self.reference), "-lavfi", graph, "-f", "null", "-"]
        subprocess.run(command, check=True)
        scores = [frame["metrics"]["vmaf"] for frame in json.loads(log.read_text())["frames"]]
        assert len(scores) == self.plan.grid_frames, "a picture is missing or too many"
        return scores

    def bits(self, stream: Path) -> list[int]:
        """Return the bits of each picture in decoding order."""
        with av.open(str(stream)) as container:
            return [8 * packet.size for packet in container.demux(video=0) if packet.size]

    def fullness(self, bits: list[int]) -> float:
        """Return how full the decoder's buffer is at its emptiest, as a share of it."""
        rung = self.rendition
        times = [slot / self.rate for slot in range(len(bits))]
        return float(check_buffer(bits, times, rung.maxrate, rung.bufsize).least / rung.bufsize)

    def compare(self, seconds: float) -> Outcome:
        """Compare chunks of so many seconds with the same segments in one chunk."""
        chunks = self.chunks(seconds)
        whole = self.encode([[segment for chunk in chunks for segment in chunk]], f"whole-{seconds}")
        cut = self.encode(chunks, f"cut-{seconds}")
        whole_bits, cut_bits = self.bits(whole), self.bits(cut)
        whole_vmaf, cut_vmaf = self.vmaf(whole), self.vmaf(cut)
        difference = [b - a for a, b in zip(whole_vmaf, cut_vmaf, strict=True)]
        joints = [chunk[0].start for chunk in chunks[1:]]
        reach = max(1, int(AROUND * self.rate))
        near = {slot for joint in joints for slot in range(joint - reach, joint + reach)}
        close = [d for slot, d in enumerate(difference) if slot in near] or [0.0]
        return Outcome(
            chunk_seconds=seconds,
            joints=len(joints),
            vmaf=statistics.mean(cut_vmaf),
            vmaf_difference=statistics.mean(difference),
            bitrate_difference=sum(cut_bits) / sum(whole_bits) - 1,
            at_joints=statistics.mean(close),
            elsewhere=statistics.mean([d for slot, d in enumerate(difference) if slot not in near] or [0.0]),
            worst_at_joint=min(close),
            deviation=statistics.pstdev(whole_vmaf),
            least_fullness=self.fullness(cut_bits),
            least_fullness_whole=self.fullness(whole_bits),
        )

    def cascade_cost(self) -> float:
        """Return the VMAF points that scaling from the next larger size costs against the source itself."""
        whole = [[segment for chunk in self.chunks(10_000) for segment in chunk]]
        direct = statistics.mean(self.vmaf(self.encode(whole, "direct", direct=True)))
        return direct - statistics.mean(self.vmaf(self.encode(whole, "cascade")))


def measure(clip: Path, height: int, preset: str, chunk_seconds: Sequence[float]) -> dict[str, object]:
    """Measure a clip; the figures are plain data."""
    with tempfile.TemporaryDirectory(prefix="gopfarm-bench-") as folder:
        bench = Bench(clip, height, preset, Path(folder))
        return {
            "clip": clip.name,
            "rendition": bench.rendition.name,
            "preset": preset,
            "chunks": [asdict(bench.compare(seconds)) for seconds in chunk_seconds],
            "cascade_vmaf_cost": bench.cascade_cost(),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--preset", default="veryfast")
    parser.add_argument("--chunks", default="4,8", help="lengths of chunks in seconds")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args()
    lengths = [float(part) for part in args.chunks.split(",")]
    figures = measure(args.clip.absolute(), args.height, args.preset, lengths)
    print(f"{figures['clip']} {figures['rendition']} {figures['preset']}, chunked less whole")
    print(
        f"{'chunk':>8} {'VMAF':>7} {'bitrate':>8} {'joints':>7} {'worst':>7} {'deviation':>9} {'buffer':>7}"
    )
    rows = figures["chunks"]
    assert isinstance(rows, list)
    for row in rows:
        print(
            f"{row['chunk_seconds']:6.1f} s {row['vmaf_difference']:+7.2f} {row['bitrate_difference']:+8.1%} "
            f"{row['at_joints']:+7.2f} {row['worst_at_joint']:+7.1f} {row['deviation']:9.1f} "
            f"{row['least_fullness']:7.0%}"
        )
    print(f"cascade costs {figures['cascade_vmaf_cost']:+.3f} VMAF")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
