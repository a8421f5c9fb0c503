"""A job over HTTP, from its submission to its stream, on a farm of real processes."""

from __future__ import annotations

import json
from pathlib import Path

import httpx

from tests.farm.processes import Farm, until

SMALL = {
    "name": "small",
    "preset": "ultrafast",
    "segment_seconds": 3,
    "renditions": [{"name": "144p", "height": 144, "bitrate": "150k"}],
}


def test_a_job_is_submitted_followed_and_played(farm: Farm, clip: Path, tmp_path: Path) -> None:
    farm.start("api", "serve", "--port", "0")
    started = until(
        lambda: next((line for line in farm.log("api") if line["event"] == "api started"), None),
        "the API has started",
    )
    destination = tmp_path / "out"
    spec = {"source": str(clip), "destination": str(destination), "profile": SMALL, "idempotency_key": "1"}
    with httpx.Client(base_url=f"http://127.0.0.1:{started['port']}/api/v1", timeout=60) as api:
        submitted = api.post("/jobs", json=spec)
        assert submitted.status_code == 202
        job = f"/jobs/{submitted.json()['id']}"
        with api.stream("GET", f"{job}/events", params={"after": "0"}) as stream:
            told = [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: ")]
        assert [event["event"] for event in told][-1] == "job.done"
        assert api.post("/jobs", json=spec).status_code == 200
        done = api.get(job).json()
        assert (done["state"], done["playable"], done["master"]) == (
            "done",
            True,
            f"{destination}/master.m3u8",
        )
        report = api.get(f"{job}/report").json()
        assert report["plan"] == done["plan_hash"]
        master = api.get(f"{job}/stream/master.m3u8").text
        playlist = next(line for line in master.splitlines() if line and not line.startswith("#"))
        media = api.get(f"{job}/stream/{playlist}").text
        segment = next(line for line in media.splitlines() if line and not line.startswith("#"))
        folder = playlist.rpartition("/")[0]
        sent = api.get(f"{job}/stream/{folder}/{segment}").content
        assert sent == (destination / folder / segment).read_bytes()
        farm_view = api.get("/farm").json()
        assert len(farm_view["workers"]) == 2
        assert [row["leads"] for row in farm_view["schedulers"]] == [True]
