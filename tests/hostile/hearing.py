"""Is the sound right? By its beeps: when each is heard, and how loud on either side."""

from __future__ import annotations

from pathlib import Path

import m3u8
import numpy as np

from tests.hostile.decoding import Beep, audio_count, beeps, pictures, sound, video_info
from tests.hostile.expected import BEEP_LEFT, BEEP_RIGHT, Track
from tests.hostile.verdict import Verdict

#: Decibels that the level of a beep may be off.
_DECIBEL = 1.0

#: Decibels of one channel that is spread to two sides so that their power together is the same.
_EQUAL_POWER = -3.01


def judge_sound(
    tracks: tuple[Track, ...], source: Path, folder: Path, master: m3u8.M3U8, origin: float, verdict: Verdict
) -> None:
    media: dict[str, str] = {}
    languages: list[str | None] = []
    for entry in master.media:
        if entry.type == "AUDIO" and entry.uri and entry.uri not in media:
            media[entry.uri] = entry.name or ""
            languages.append(entry.language)
    if not media and tracks:  # sound alone is a variant of its own
        for entry in master.playlists:
            if not entry.stream_info.resolution and entry.uri not in media:
                media[entry.uri] = ""
                languages.append(None)
    if len(media) != len(tracks):
        verdict.faults.append(f"{len(media)} tracks of sound instead of {len(tracks)}")
    for at, (uri, track) in enumerate(zip(media, tracks, strict=False)):
        name = f"sound {at}: "
        if track.language is not None and languages[at] != track.language:
            verdict.faults.append(f"{name}its language is {languages[at]} instead of {track.language}")
        heard = sound(folder / uri)
        if heard is None:
            verdict.faults.append(f"{name}nothing decodes")
            continue
        if heard.complaints.strip():
            verdict.faults.append(f"{name}decoder: {heard.complaints.strip().splitlines()[0][:160]}")
        found = beeps(heard)
        wrong = beep_faults(track, found, origin)
        if wrong and (measured := _measured(source, at)) is not None:
            if not beep_faults(Track(measured, stereo=False, tolerance=track.tolerance), found, origin):
                verdict.notes.append(f"{name}as the ffmpeg binary has it, but {wrong[0]}")
                wrong = []
            else:
                wrong[0] += f" (the ffmpeg binary has {np.round(measured, 3).tolist()})"
        verdict.faults += [name + fault for fault in wrong + level_faults(track, found)]
        if track.end is not None and abs(heard.end - origin - track.end) > 0.12:
            verdict.faults.append(f"{name}it ends at {heard.end - origin:.3f} s instead of {track.end:.3f} s")


def _measured(source: Path, track: int) -> tuple[float, ...] | None:
    heard = sound(source, track)
    if heard is None or not audio_count(source):
        return None
    first = 0.0
    if video_info(source):
        seen = pictures(source, pixels="gray", size=(32, 18))
        first = min(seen.times, default=0.0)
    return tuple(beep.time - first for beep in beeps(heard))


def beep_faults(track: Track, found: list[Beep], origin: float) -> list[str]:
    """Compare beeps with those expected; one at the very start may be cut."""
    times = [beep.time - origin for beep in found]
    missing = [
        at for at in track.beeps if at > 0.03 and not any(abs(t - at) <= track.tolerance for t in times)
    ]
    extra = [t for t in times if t > 0.06 and not any(abs(t - at) <= track.tolerance for at in track.beeps)]
    extra = [t for t in extra if track.end is None or not track.end - 0.06 < t < track.end + track.tolerance]
    if not missing and not extra:
        return []
    return [
        f"beeps at {np.round(times, 3).tolist()} instead of {np.round(track.beeps, 3).tolist()}"
        if missing
        else f"more beeps than expected: {np.round(extra, 3).tolist()}"
    ]


def level_faults(track: Track, found: list[Beep]) -> list[str]:
    """Compare the loudness of beeps with the one they were made with."""
    later = [beep for beep in found if beep.time > found[0].time + 0.5]
    if not later:
        return []
    left, right = (float(np.median([getattr(beep, side) for beep in later])) for side in ("left", "right"))
    wanted = (BEEP_LEFT, BEEP_LEFT if track.mono else BEEP_RIGHT)
    off = [20 * np.log10(max(got, 1e-6) / want) for got, want in zip((left, right), wanted, strict=True)]
    said = f"levels are {off[0]:+.1f} dB left, {off[1]:+.1f} dB right"
    if track.mono:  # both sides as loud as the one channel, or together as loud
        return [] if min(off) > _EQUAL_POWER - _DECIBEL and max(off) < _DECIBEL else [said]
    if track.stereo:
        return [] if np.abs(off).max() <= _DECIBEL else [said]
    return [] if -15 < off[0] < 6 else [said]
