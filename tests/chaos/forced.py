"""Faults that no farm can survive: the job must fail with the true reason, and a retry must mend it."""

from __future__ import annotations

from pathlib import Path

from tests.chaos import inway
from tests.chaos.farm import WORKERS
from tests.chaos.places import Folder
from tests.chaos.scene import MissedError, RefusedError, Scene


def poison(scene: Scene) -> None:
    """A task kills every process that works on it, until its job fails; then it is sent through again."""
    name = scene.busy_worker()
    victim = scene.farm.in_hand(name)
    if not victim:
        raise MissedError
    task = victim[0]
    job = next(job for job in scene.jobs if job.id == task[0])
    scene.hit("poison", task[1], (name,))
    killed: set[int] = set()

    def kill_and_look() -> bool:
        for worker in WORKERS:
            if scene.farm.alive(worker) and task in scene.farm.in_hand(worker):
                for child in scene.farm.children(worker):
                    if child.pid not in killed:
                        killed.add(child.pid)
                        child.kill()
        return scene.state(job) in ("done", "failed")

    scene.until(kill_and_look, "the job has failed")
    scene.note(f"its processes were killed {len(killed)} times")
    _check_failed(scene, job.name, "encode", "SIGKILL")
    _retry(scene, job.name)


def block(scene: Scene) -> None:
    """A file lies where a folder of the destination was; the job fails, and is sent through again."""
    scene.at_a_random_moment(0.7)
    job = scene.rng.choice(scene.jobs)
    if not isinstance(job.place, Folder):
        raise MissedError
    stored = job.place.path
    folder = scene.until(lambda: inway.rendition_folder(stored) or scene.ended(), "it is stored")
    if not isinstance(folder, Path) or scene.state(job) != "encoding":
        raise MissedError
    scene.hit("block", folder.name)
    inway.swap(folder)
    scene.until(lambda: scene.state(job) in ("done", "failed"), "the job has failed")
    inway.swap_back(folder)
    if scene.state(job) == "done":
        scene.injections.pop()
        raise MissedError
    _check_failed(scene, job.name, "destination", folder.name)
    _retry(scene, job.name)


def _check_failed(scene: Scene, name: str, kind: str, word: str) -> None:
    """Look whether a job failed for the reason that it was given."""
    job = next(job for job in scene.jobs if job.name == name)
    view = scene.farm.status(job.id)
    if view.get("state") != "failed":
        scene.faults.append(f"{name} is {view.get('state', 'unknown')} and should have failed")
    elif view.get("error_kind") != kind or word not in str(view.get("error")):
        reason = f"{view.get('error_kind')}: {view.get('error')}"
        scene.faults.append(f"{name} failed with another reason than {kind}, {word}: {reason}")
    else:
        job.failed_rightly = True
    scene.note(f"{name} failed: {view.get('error')}")


def _retry(scene: Scene, name: str) -> None:
    job = next(job for job in scene.jobs if job.name == name)
    done = scene.farm.command("retry", job.id)
    if done.returncode:
        raise RefusedError(f"retry: {done.stderr.strip().splitlines()[-1]}")
    scene.note(f"retried {name}")
    # Its state must be seen to move on before its end is waited for.
    scene.until(lambda: scene.state(job) not in ("failed", "cancelled", ""), "the job is taken up", 20)
    scene.healed()
