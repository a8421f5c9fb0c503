"""A real Chromium, and a real stream to show it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import imageio_ffmpeg
import pytest
import redis
from playwright.sync_api import Browser, Page, sync_playwright

from cli.embedded import PrivateValkey
from gopfarm.settings import Settings
from gopfarm.store import connect
from tests.browser.dashboard import Faults, Server, serving
from tests.browser.scene import Scene, usual_scene

HERE = Path(__file__).parent
PROFILE = HERE / "profile.yaml"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]

STREAM_SECONDS = 20
FRAME_RATE = 30


def missing(what: str) -> NoReturn:
    """Skip, or fail where the browser tests are required to run (as in CI)."""
    if os.environ.get("GOPFARM_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{what}, and GOPFARM_REQUIRE_BROWSER=1 asks for it", pytrace=False)
    pytest.skip(what)


def chromium_path() -> str | None:
    """Return where Chromium is; None if it is not installed."""
    named = os.environ.get("GOPFARM_CHROMIUM")
    return named or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium_path()
    if path is None:
        missing("Chromium is not installed")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def npm_packages() -> Path:
    """The folder that `npm ci` fills."""
    folder = HERE / "node_modules"
    if not folder.is_dir():
        missing("the npm packages of tests/browser are not installed (run `make test`)")
    return folder


@pytest.fixture(scope="session")
def published_stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `gopfarm transcode` leaves it: CMAF, two renditions and one audio group."""
    return make_stream(tmp_path_factory.mktemp("stream"), languages=("eng",))


@pytest.fixture(scope="session")
def two_language_stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with two audio tracks to choose from."""
    return make_stream(tmp_path_factory.mktemp("stream"), languages=("eng", "deu"))


def make_stream(folder: Path, languages: tuple[str, ...]) -> Path:
    source, stream = folder / "source.mp4", folder / "stream"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin"]
    command += ["-f", "lavfi", "-i", f"testsrc2=size=1280x720:rate={FRAME_RATE}:duration={STREAM_SECONDS}"]
    for n, _ in enumerate(languages):
        command += ["-f", "lavfi", "-i", f"sine=frequency={330 * (n + 1)}:duration={STREAM_SECONDS}"]
    command += ["-map", "0:v", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2"]
    for n, language in enumerate(languages):
        command += ["-map", f"{n + 1}:a", f"-metadata:s:a:{n}", f"language={language}"]
    subprocess.run([*command, "-c:a", "aac", str(source)], check=True)
    farm = [sys.executable, "-m", "gopfarm", "transcode", str(source), str(stream)]
    farm += ["--profile", str(PROFILE)]
    subprocess.run(farm, cwd=HERE.parents[1], check=True, stdout=subprocess.DEVNULL)
    return stream


@pytest.fixture
def scene(valkey: redis.Redis, valkey_url: str) -> Iterator[Scene]:
    """A farm that stands still, with nothing in it yet."""
    with Scene(valkey, valkey_url) as scene:
        yield scene


@pytest.fixture(scope="session")
def dashboard(valkey_url: str) -> Iterator[Server]:
    """The dashboard of whatever farm is in Valkey; it asks for no token."""
    with serving(Settings(redis_url=valkey_url)) as server:
        yield server


@pytest.fixture(scope="session")
def still() -> Iterator[Server]:
    """The dashboard of a farm that no test changes: the usual scene, in a Valkey of its own."""
    valkey = PrivateValkey()
    try:
        with (
            connect(valkey.url) as client,
            Scene(client, valkey.url) as scene,
            serving(Settings(redis_url=valkey.url)) as server,
        ):
            usual_scene(scene)
            yield server
    finally:
        valkey.stop()


@pytest.fixture(scope="module")
def still_page(browser: Browser) -> Iterator[Page]:
    """A page for looking at that farm; nothing may have gone wrong in it at the end."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    faults = Faults(page)
    yield page
    context.close()
    assert faults == []


@pytest.fixture
def faults(page: Page) -> Iterator[Faults]:
    """What goes wrong in the page; there must be nothing at the end."""
    faults = Faults(page)
    yield faults
    assert faults == []
