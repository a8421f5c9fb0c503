"""Why targets are missed, and what was tried: shown beneath the table of docs/benchmarks.md."""

from __future__ import annotations


def _plain(text: str) -> str:
    """Return a text on one line."""
    return " ".join(text.split())


CPU_VERYFAST = _plain("""
    x264 sets the floor: one decode and the bare encodes alone take 0.83 to 0.86 of what ffmpeg takes, and
    in ffmpeg little else is left to save. Beyond the floor the farm scales (4 % of a task), starts its
    encoders anew in each chunk and changes between them (3 %), and has the command around the tasks:
    Python, Valkey, probing (1.5 CPU s, 5 % of this clip and 0.2 % of six minutes). Tried: pictures in
    batches for each encoder (kept), a fork server without settings and logs (kept), no media library in the
    main process (kept), fewer looks into empty queues (kept), huge pages and malloc's tunables (no gain)
""")

CPU_MEDIUM = _plain("""
    the same as at `veryfast`; x264 is a larger share of the work here, and the same on both sides, so there
    is less to gain. Chunks begin with twice the bits for half a second, which costs about as much as the
    shorter lookahead saves
""")

SEPARATE = _plain("""
    it is the first row once more: four commands take 1.26 times as much as one here, since this clip is
    cheap to decode, so 0.68 would mean 0.86 of one command, which is the floor
""")

WALL_SHORT = _plain("""
    the clip has four segments, which make two chunks: the harder one ends 1 to 2 s after the other, and
    before both there is a second for loading, probing and planning. Chunks of one segment would end more
    evenly, and cost joints: quality goes first. Six minutes have chunks enough
""")

EVEN = _plain("""
    the film is the clip 26 times over, so its twelve chunks of 30 s are all equally hard, and two slots share
    them evenly by themselves: nothing is left for shorter chunks at the end to even out, and their joints
    cost 1 % of CPU. With an odd number of chunks, or scenes of their own, the last chunk alone would take up
    to 37 s; the chosen shape leaves a slot idle for as long as a chunk of one segment takes, at most
""")

RATE = _plain("""
    it is the row of 15 s alone; the others keep both. The minute is the clip four times over, so that these
    chunks are just the clip, which ends on easy scenes: x264's rate control in one pass saves there and finds
    nothing to spend it on before the chunk is over, while the whole encode spends it on the next repetition.
    Tried: more bits for the first pictures (kept: without them the joints showed), other fills of the buffer
    to begin with (the joints came back). A second pass would keep the rate, and take half as long again
""")

READS = _plain("""
    it is MPEG-TS alone: it has no index, so that planning reads the whole film once, besides the decodes, and
    a chunk is read from somewhat before its first picture. The other containers keep the goal
""")

CURVE = _plain("""
    from 100,000 to 1,000,000 tasks it grows by 4 %; the rest comes before, where Redis' data (15 MB for
    10,000 tasks, 1.3 GB for a million) outgrow the processor's caches, and while other work kept the
    machine busy, which the smallest run was over too early to meet. No step looks at all that waits: jobs
    are read in pages when they have changed, sums are kept as tasks change, and sorted sets cost their
    logarithm
""")

PLANNING = _plain("""
    that is a film of 30 frames a second; one of 24 takes less. Of these bytes the index itself is nearly all
    (four bytes for the size of each picture and each block of sound, and more for their times), and it has to
    be read whole: the keyframes are in it
""")
