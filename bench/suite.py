"""The list of all benches: what each measures, and how it is run in earnest and for a quick look."""

from __future__ import annotations

from dataclasses import dataclass

from bench.clips import Clip


@dataclass(frozen=True)
class Bench:
    """One bench.

    Args:
        name: What it is called, and its file of results.
        about: What it measures, in a few words.
        module: Its script.
        arguments: How it is run for figures that count; clips by their names.
        quick: How it is run to see that it works, in seconds.
        minutes: How long it takes in earnest, about, on two cores with a clip of 14 seconds.
    """

    name: str
    about: str
    module: str
    arguments: tuple[str, ...]
    quick: tuple[str, ...]
    minutes: float

    def words(self, quick: bool = False) -> tuple[str, ...]:
        """Return the arguments of a run."""
        return self.quick if quick else self.arguments

    def clips(self, quick: bool = False) -> set[Clip]:
        """Return the clips that a run asks for."""
        return {word for word in self.words(quick) if isinstance(word, Clip)}

    def command(self, quick: bool = False) -> str:
        """Return the command as a user types it in the repository's root, with clips by their names."""
        return " ".join(("python", "-m", self.module, *self.words(quick)))


def _bench(
    name: str, about: str, script: str, arguments: str, quick: str, minutes: float, *clips: Clip
) -> Bench:
    """Make a bench of a script, its clips, and the options that follow them."""
    return Bench(
        name, about, f"bench.{script}", (*clips, *arguments.split()), (*clips, *quick.split()), minutes
    )


BENCHES = (
    _bench(
        "start_up",
        "seconds until the first commands have answered",
        "start_up",
        "",
        "--preset ultrafast --rounds 1",
        0.5,
        Clip.SECOND,
    ),
    _bench(
        "against_ffmpeg",
        "CPU and wall time against ffmpeg, veryfast",
        "against_ffmpeg",
        "--preset veryfast --rounds 5 --separate --floor",
        "--preset ultrafast --rounds 1 --separate --floor",
        8,
        Clip.CLIP,
    ),
    _bench(
        "against_ffmpeg_medium",
        "the same, medium",
        "against_ffmpeg",
        "--preset medium --rounds 3",
        "--preset superfast --rounds 1",
        5,
        Clip.CLIP,
    ),
    _bench(
        "against_ffmpeg_six_minutes",
        "the same for six minutes, veryfast",
        "against_ffmpeg",
        "--preset veryfast --rounds 1",
        "--preset ultrafast --rounds 1",
        14,
        Clip.SIX_MINUTES,
    ),
    _bench(
        "pictures",
        "what pictures cost before they are encoded",
        "pictures",
        "",
        "--rounds 1 --frames 1",
        0.5,
    ),
    _bench(
        "quality",
        "what joints and the cascade cost in quality",
        "quality",
        "--height 480 --preset veryfast --chunks 4,8,15,30",
        "--height 360 --preset ultrafast --chunks 1,15",
        5,
        Clip.MINUTE,
    ),
    _bench(
        "memory",
        "memory of a slot",
        "memory",
        "--presets veryfast,medium --lengths 360,7200",
        "--presets ultrafast --lengths 2,4 --segments 1",
        4,
        Clip.CLIP,
    ),
    _bench(
        "reads",
        "bytes read from object storage",
        "reads",
        "--seconds 360 --hours 2",
        "--seconds 6 --hours 0.01 --only index_at_end.mp4",
        6,
    ),
    _bench(
        "first_playable",
        "how long viewers wait for the first pictures",
        "first_playable",
        "--preset veryfast",
        "--preset ultrafast",
        8,
        Clip.SIX_MINUTES,
        Clip.MINUTE,
    ),
    _bench(
        "shapes",
        "the shape of a job on idle and on busy farms",
        "shapes",
        "--preset veryfast --real",
        "--preset ultrafast --real",
        1,
        Clip.CLIP,
    ),
    _bench(
        "tail",
        "how long slots stand idle at the end of six minutes",
        "shapes",
        "--preset superfast --real",
        "--preset ultrafast --real",
        10,
        Clip.SIX_MINUTES,
    ),
    _bench(
        "fit_cost",
        "the cost model against tasks of all presets",
        "fit_cost",
        "",
        "--presets ultrafast --seconds 0.2,0.5 --places 1,1",
        13,
        Clip.CLIP,
    ),
    _bench(
        "strong_scaling", "a film on 1 to 1,000 slots, simulated", "strong_scaling", "", "--hours 0.1", 0.5
    ),
    _bench(
        "control_plane",
        "10,000 slots, 1,000 jobs, 100 tenants",
        "control_plane",
        "",
        "--slots 50 --jobs 10 --tenants 5 --tasks 400 --task-seconds 0.5",
        6,
    ),
    _bench(
        "control_plane_curve",
        "cost over 10,000 to 1,000,000 tasks",
        "control_plane",
        "--curve 10000,30000,100000,300000,1000000",
        "--curve 100,200",
        40,
    ),
    _bench(
        "control_plane_ceiling",
        "the highest rate of tasks",
        "control_plane",
        "--ceiling",
        "--ceiling 800 --ceiling-seconds 5",
        6,
    ),
)

BY_NAME = {bench.name: bench for bench in BENCHES}
