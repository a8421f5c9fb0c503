"""Says whether what was published of a source is right, and why not. Trusts the ffmpeg binary alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import m3u8
import numpy as np

from tests.hostile.colours import ColourJudge
from tests.hostile.decoding import Pictures, pictures, video_info
from tests.hostile.expected import Expected
from tests.hostile.hearing import judge_sound
from tests.hostile.numbered import combing, how_turned, read
from tests.hostile.sources import Recipe
from tests.hostile.verdict import Published, Verdict
from tests.hostile.words import judge_captions, judge_cues

#: Exit codes of a job that failed, and of a source that cannot be used.
FAILED, UNUSABLE = 1, 2

#: Combing of the moving wave from which on a picture is taken for two fields.
_COMBED = 3.0

#: How lines begin that only tell how far the job is.
_PROGRESS = ("queued", "probing", "planning", "encoding", "stitching")


def judge(recipe: Recipe, source: Path, published: Published) -> Verdict:
    """Judge what was published of a source."""
    verdict = Verdict()
    expected = recipe.expected
    refused = published.code in (FAILED, UNUSABLE)
    if expected.verdict == "refuse" or (expected.verdict == "either" and refused):
        late = expected.late or expected.verdict == "either"
        codes = (FAILED, UNUSABLE) if late else (UNUSABLE,)
        _judge_refusal(source, published, codes, verdict)
    elif published.code:
        lines = published.said.strip().splitlines() or ["nothing"]
        verdict.faults.append(f"exit code {published.code}: {lines[-1][-300:]}")
    else:
        _judge_stream(expected, source, published.folder, verdict)
    return verdict


def _judge_refusal(source: Path, published: Published, codes: tuple[int, ...], verdict: Verdict) -> None:
    lines = [line for line in published.said.strip().splitlines() if not line.startswith(_PROGRESS)]
    if published.code not in codes:
        verdict.faults.append(
            f"should be refused with exit code 2, was {published.code}: {' '.join(lines[-1:])[-300:]}"
        )
    elif "Traceback" in published.said or len(lines) != 1:
        verdict.faults.append(f"the refusal is not one line: {lines[:3]}")
    elif published.code == UNUSABLE and source.name not in lines[0]:
        verdict.faults.append(f"the refusal does not name the file: {lines[0]}")
    else:
        verdict.notes.append(lines[0])
    left = (
        [path for path in published.folder.rglob("*") if path.is_file()] if published.folder.exists() else []
    )
    if left:
        verdict.faults.append(f"refused, but left {len(left)} files behind, such as {left[0].name}")


def _judge_stream(expected: Expected, source: Path, folder: Path, verdict: Verdict) -> None:
    master = m3u8.load(str(folder / "master.m3u8"))
    origin = 0.0
    film = [entry for entry in master.playlists if entry.stream_info.resolution]
    if expected.pictures == "none":
        if film:
            verdict.faults.append("there is a picture in what should be sound alone")
    elif not film:
        verdict.faults.append("there is no picture")
    sizes = [entry.stream_info.resolution for entry in film]
    for entry in sorted(film, key=lambda entry: -entry.stream_info.resolution[1]):
        seen = pictures(folder / entry.uri)
        largest = entry.stream_info.resolution == max(sizes)
        name = f"{entry.stream_info.resolution[1]} lines: "
        faults: list[str] = []
        if seen.complaints.strip():
            faults.append(f"decoder: {seen.complaints.strip().splitlines()[0][:160]}")
        if not seen.times:
            verdict.faults.append(f"{name}nothing decodes")
            continue
        origin = seen.times[0]
        faults += PictureJudge(expected, source, seen, folder / entry.uri, largest).faults()
        verdict.faults += [name + fault for fault in faults]
        if faults:
            break  # the others are mostly wrong for the same reason
    if expected.tracks is not None:
        judge_sound(expected.tracks, source, folder, master, origin, verdict)
    if expected.captions and film:
        judge_captions(expected.captions, folder / film[0].uri, master, verdict)
    if expected.cues is not None:
        judge_cues(expected.cues, folder, master, verdict)


@dataclass
class PictureJudge:
    """Judges the pictures of one rendition."""

    expected: Expected
    source: Path
    seen: Pictures
    playlist: Path
    largest: bool

    def faults(self) -> list[str]:
        numbers = [read(luma) for luma in self.seen.planes[0]]
        times = [time - self.seen.times[0] for time in self.seen.times]
        found = self._shape()
        steps = np.diff(times)
        if len(steps) and (steps.min() <= 0 or steps.max() - steps.min() > 0.0025):
            found.append(f"frames are {steps.min():.4f} to {steps.max():.4f} s apart")
        rate = self.expected.rate
        if rate is not None and len(steps) and abs(np.median(steps) * rate - 1) > 0.002:
            found.append(f"{1 / np.median(steps):.3f} frames a second instead of {float(rate):.3f}")
        upright = sum(number is not None for number in numbers)
        if upright < 0.2 * len(numbers) + 0.5:
            turned = Counter(filter(None, (how_turned(luma) for luma in self.seen.planes[0][:10])))
            why = turned.most_common(1)[0][0] if turned else "unreadable"
            return [*found, f"the picture is {why} ({upright} of {len(numbers)} can be read)"]
        if self.expected.pictures == "every":
            found += self._every(numbers)
        else:
            found += self._slots(numbers, times)
        if self.expected.fields == 2 and self.largest:
            combs = float(np.median([combing(luma) for luma in self.seen.planes[0]]))
            if combs > _COMBED:
                found.append(f"the fields are not taken apart: combing {combs:.1f}")
        if self.expected.colour != "none":
            found += ColourJudge(self.expected, self.seen, self.playlist).faults()
        return found

    def _shape(self) -> list[str]:
        if self.expected.size is None:
            return []
        info = video_info(self.playlist)
        width, height = int(info["width"]), int(info["height"])
        aspect = str(info.get("sample_aspect_ratio", "1:1")).split(":")
        square = Fraction(int(aspect[0]) or 1, int(aspect[1]) or 1)
        shape, wanted = float(width * square / height), self.expected.size[0] / self.expected.size[1]
        # Even sizes of a small picture cannot be exact.
        if abs(shape / wanted - 1) > 0.01 + 1.5 / min(width, height):
            return [f"{width}x{height} (SAR {square}), a shape of {shape:.3f} instead of {wanted:.3f}"]
        if self.largest and min(width, height) < 0.9 * min(self.expected.size):
            return [f"the best picture is {width}x{height}, the source {self.expected.size}"]
        return []

    def _every(self, numbers: list[int | None]) -> list[str]:
        wanted = [number for number, _ in self.expected.shown]
        if self.expected.fields == 2 and len(numbers) == 2 * len(wanted):
            wanted = [number for number in wanted for _ in range(2)]
        if self.expected.stride > 1 and numbers[0] is not None:
            off = numbers[0] - wanted[0]
            wanted = [number + off for number in wanted] if abs(off) < self.expected.stride else wanted
        allowed = self.expected.unreadable * len(wanted)
        wrong = [at for at, (a, b) in enumerate(zip(numbers, wanted, strict=False)) if a != b]
        holes = sum(numbers[at] is None for at in wrong)
        if len(numbers) == len(wanted) and len(wrong) == holes <= allowed:
            return []
        said = f"{len(numbers)} frames, source shows {len(wanted)}" if len(numbers) != len(wanted) else ""
        if wrong:
            at = wrong[0]
            said += f"{'; ' if said else ''}{len(wrong)} frames wrong, from {at} on: {numbers[at : at + 8]} "
            said += f"instead of {wanted[at : at + 8]}"
        return [said]

    def _slots(self, numbers: list[int | None], times: list[float]) -> list[str]:
        shown = (
            measured_pictures(self.source) if self.expected.pictures == "measured" else self.expected.shown
        )
        if not shown:
            return ["the ffmpeg binary decodes no picture of it"]
        starts = np.array([float(time) for _, time in shown])
        slot = float(np.median(np.diff(times))) if len(times) > 1 else 0.04
        slack = slot * (1.1 if self.expected.pictures == "slots" else 2.1)
        wrong, unread = [], 0
        for at, (time, number) in enumerate(zip(times, numbers, strict=True)):
            first = max(0, int(np.searchsorted(starts, time - slack, side="right")) - 1)
            last = max(first + 1, int(np.searchsorted(starts, time + slack, side="right")))
            around = {number for number, _ in shown[first:last]}
            if number is None:
                unread += None not in around
            elif number not in around and None not in around:
                wrong.append((at, number, sorted(n for n in around if n is not None)))
        found = []
        few = max(2, 0.03 * len(times)) if self.expected.pictures == "measured" else 0
        if len(wrong) > few:
            at, number, right = wrong[0]
            found.append(
                f"{len(wrong)} of {len(times)} frames wrong: at {times[at]:.3f} s number {number}, "
                f"a player shows {right}"
            )
        if unread > max(few, self.expected.unreadable * len(times)):
            found.append(f"{unread} frames cannot be read")
        kept = set(numbers)
        ends = np.append(starts[1:], starts[-1] + slot)
        missing = [
            number
            for (number, _), start, end in zip(shown, starts, ends, strict=True)
            if end - start > 2.2 * slot and number is not None and number not in kept
        ]
        if len(missing) > few:
            found.append(f"{len(missing)} frames that are shown for long are missing, such as {missing[:5]}")
        end, slack = float(ends[-1]), max(3 * slot, 0.15)
        longest = end + max(0.0, float(np.median(np.diff(starts))) - slot if len(starts) > 1 else 0.0)
        if not end - slack <= times[-1] + slot <= longest + slack:
            found.append(f"the picture lasts {times[-1] + slot:.3f} s, in the source {end:.3f} s")
        return found


def measured_pictures(source: Path) -> tuple[tuple[int | None, Fraction], ...]:
    """Number and time of each frame that the ffmpeg binary decodes of a source, from the first on."""
    seen = pictures(source, pixels="gray", size=(320, 180))
    placed = sorted(
        zip(seen.times, (read(luma) for luma in seen.planes[0]), strict=True), key=lambda one: one[0]
    )
    return tuple((number, Fraction(time - placed[0][0])) for time, number in placed)
