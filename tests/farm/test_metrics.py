"""What Prometheus sees of a farm at work."""

from __future__ import annotations

import socket
import urllib.request
from pathlib import Path

from tests.farm.processes import Farm, until

SMALL = Path(__file__).parent / "small.yaml"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def scrape(port: int) -> dict[str, float]:
    """Return the samples by name and labels; {} while the port is closed."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    lines = (line.rpartition(" ") for line in text.splitlines() if line.startswith("gopfarm_"))
    return {name: float(value) for name, _, value in lines}


def test_the_counters_tell_what_was_done(farm: Farm, clip: Path, tmp_path: Path) -> None:
    for name in ("worker-1", "worker-2", "scheduler"):
        assert farm.stop(name) == 0
    ports = {"worker": free_port(), "scheduler": free_port()}
    farm.start("scheduler", "scheduler", "--metrics-port", str(ports["scheduler"]))
    farm.start("worker", "worker", "--slots", "2", "--grace", "0", "--metrics-port", str(ports["worker"]))
    until(lambda: all(scrape(port) for port in ports.values()), "the metrics are served")
    job = farm.run("submit", clip, tmp_path / "out", "--profile", SMALL).stdout.strip()
    ended = farm.ended(job)
    assert ended["state"] == "done"
    until(
        lambda: scrape(ports["scheduler"]).get('gopfarm_jobs_ended_total{state="done"}'), "the end is counted"
    )
    scheduler, worker = scrape(ports["scheduler"]), scrape(ports["worker"])
    assert scheduler["gopfarm_jobs_submitted_total"] == 1
    assert scheduler["gopfarm_tasks_queued_total"] == ended["tasks"] >= 2
    assert worker['gopfarm_frames_decoded_total{kind="video"}'] >= 300
    videos = ended["tasks"] - 1
    assert worker['gopfarm_task_duration_seconds_count{kind="video"}'] == videos
    assert worker['gopfarm_task_peak_memory_bytes_count{kind="video"}'] == videos
    assert worker['gopfarm_source_read_bytes_total{kind="video"}'] == 0
    stored = sum(path.stat().st_size for path in (tmp_path / "out").glob("*p/*/*.m4s"))
    assert worker['gopfarm_stored_bytes_total{kind="video"}'] == stored
    assert not [name for name in (*worker, *scheduler) if job in name], "a job id is no label"
