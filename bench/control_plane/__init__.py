"""The control plane under load: the real scheduler and a real Valkey, with slots that only pretend to encode.

Real are the scheduler role in a process of its own (intake, admission, planning, dispatch, reconciliation,
events), Valkey with all scripts, the messages and dramatiq's protocol for them, and everything that a
worker says to Redis: announcements, fetches, starts, renewals each second, results of the real size,
acknowledgements.

Pretended are the sources (``work``: facts as probing would find them), the encoding (``fleet``: a slot is
busy for as long as such a task was measured to take, scaled to a mean that is asked for), and storage:
nothing is uploaded, listed or published (``scheduling``). Thousands of slots share one thread, so what the
fleet itself costs says nothing about workers.

    python -m bench.control_plane --slots 10000 --jobs 1000 --tenants 100 --tasks 50000 [--json FILE]
    python -m bench.control_plane --curve 1000,10000,100000,1000000 [--json FILE]
    python -m bench.control_plane --ceiling [--json FILE]
"""
