"""The player page in a real browser: it plays, switches renditions, seeks, and says what is wrong."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from api.player import STATIC, PlayerServer, serve_player
from tests.browser.conftest import STREAM_SECONDS

PATIENCE_MS = 30_000
SEEK_TO = 0.8


def assert_plays(page: Page, url: str) -> None:
    """Assert that the player page at ``url`` plays through a rendition switch and a seek without error.

    The stream needs renditions of two sizes and about four seconds.
    """
    page.goto(url)
    page.evaluate("""() => {
        const { hls, video } = window.gopfarm;
        window.faults = [];
        window.switched = [];
        // A stall is a slow machine; any other trouble with the media is the stream's.
        const { ErrorDetails, ErrorTypes } = Hls;
        const stalls = [ErrorDetails.BUFFER_STALLED_ERROR, ErrorDetails.BUFFER_NUDGE_ON_STALL];
        hls.on(Hls.Events.ERROR, (_, data) => {
            const media = data.type === ErrorTypes.MEDIA_ERROR && !stalls.includes(data.details);
            if (data.fatal || media) window.faults.push(`hls: ${data.details}`);
        });
        hls.on(Hls.Events.LEVEL_SWITCHED, (_, data) => window.switched.push(data.level));
        video.addEventListener("error", () => window.faults.push(`media: ${video.error.message}`));
        video.muted = true;
    }""")
    play_on(page)

    # Whatever it plays now, choose a rendition of another size, at once rather than at the next segment: a
    # short stream may have no next one.
    chosen = page.evaluate("""() => {
        const { hls, video } = window.gopfarm;
        window.switched = [];
        const now = hls.levels[hls.currentLevel];
        const index = hls.levels.findIndex((level) => level.height !== now.height);
        if (index >= 0) hls.currentLevel = index;
        video.play();
        return { index, width: hls.levels[index]?.width, height: hls.levels[index]?.height };
    }""")
    assert chosen["index"] >= 0, "the stream has renditions of one size only"
    wait_for(
        page,
        """({ index, width, height }) => {
            const { video } = window.gopfarm;
            return window.switched.includes(index)
                && video.videoWidth === width && video.videoHeight === height;
        }""",
        chosen,
    )
    play_on(page)

    target = page.evaluate(
        """(part) => {
            const { video } = window.gopfarm;
            return video.currentTime = video.duration * part;
        }""",
        SEEK_TO,
    )
    play_on(page)
    # The position is kept in microseconds.
    assert page.evaluate("() => window.gopfarm.video.currentTime") >= target - 1e-6

    assert page.evaluate("() => window.faults") == []
    assert page.evaluate("() => window.gopfarm.video.error") is None
    expect(page.locator("#message")).to_be_hidden()


def play_on(page: Page) -> None:
    """Play until the position has moved by half a second and frames were shown meanwhile, then pause."""
    page.evaluate("""() => {
        const { video } = window.gopfarm;
        window.before = { time: video.currentTime, frames: video.getVideoPlaybackQuality().totalVideoFrames };
        video.muted = true;
        video.play();
    }""")
    wait_for(
        page,
        """() => {
            const { video } = window.gopfarm;
            const on = !video.seeking && video.currentTime >= window.before.time + 0.5
                && video.getVideoPlaybackQuality().totalVideoFrames > window.before.frames;
            if (on) video.pause();
            return on;
        }""",
    )


def wait_for(page: Page, condition: str, arg: object = None) -> None:
    """Wait for a condition in the page; where it does not come about, say how the player stands."""
    try:
        page.wait_for_function(condition, arg=arg, timeout=PATIENCE_MS)
    except PlaywrightTimeoutError as error:
        state = page.evaluate("""() => {
            const { hls, video } = window.gopfarm;
            const { currentTime, duration, paused, seeking, readyState, videoWidth, videoHeight } = video;
            return {
                currentTime, duration, paused, seeking, readyState, videoWidth, videoHeight,
                level: hls.currentLevel, switched: window.switched, faults: window.faults,
                message: document.getElementById("message-text").textContent,
            };
        }""")
        raise AssertionError(f"waited in vain for {condition} with {arg}: {state}") from error


@pytest.fixture
def player(published_stream: Path) -> Iterator[PlayerServer]:
    with serve_player(published_stream) as server:
        yield server


def test_a_published_stream_plays_through_a_rendition_switch_and_a_seek(
    page: Page, player: PlayerServer
) -> None:
    assert_plays(page, player.url)


def test_the_menu_offers_auto_and_every_rendition_and_switches_by_keyboard(
    page: Page, player: PlayerServer
) -> None:
    page.goto(player.url)
    menu = page.get_by_role("group", name="Rendition")
    expect(menu.get_by_role("radio")).to_have_count(3)
    expect(menu.get_by_role("radio", name="Auto")).to_be_checked()

    page.keyboard.press("q")
    expect(menu.get_by_role("radio", name="720p")).to_be_checked()
    wait_for(page, "() => window.gopfarm.video.videoHeight === 720")
    menu.get_by_role("radio", name="720p").focus()
    page.keyboard.press("ArrowRight")
    expect(menu.get_by_role("radio", name="360p")).to_be_checked()
    wait_for(page, "() => window.gopfarm.video.videoHeight === 360")
    expect(page.locator("#resolution")).to_have_text("640 \u00d7 360")
    expect(page.get_by_role("group", name="Audio")).to_be_hidden()


def test_the_panel_says_what_is_playing(page: Page, player: PlayerServer) -> None:
    page.goto(player.url)
    play_on(page)
    page.wait_for_timeout(600)  # one refresh of the panel
    assert "p at " in page.locator("#playing").inner_text()
    assert "b/s" in page.locator("#bandwidth").inner_text()
    assert float(page.locator("#buffer").inner_text().removesuffix(" s")) > 0
    assert " of " in page.locator("#dropped").inner_text()


def test_two_audio_tracks_can_be_told_apart_and_chosen(page: Page, two_language_stream: Path) -> None:
    with serve_player(two_language_stream) as server:
        page.goto(server.url)
        menu = page.get_by_role("group", name="Audio")
        expect(menu.get_by_role("radio")).to_have_count(2)
        expect(menu.get_by_role("radio").first).to_be_checked()
        menu.get_by_role("radio").nth(1).check(force=True)
        wait_for(page, "() => window.gopfarm.hls.audioTrack === 1")
        play_on(page)


def test_a_folder_without_a_stream_gets_a_message_and_a_second_try(page: Page, tmp_path: Path) -> None:
    with serve_player(tmp_path) as server:
        page.goto(server.url)
        expect(page.get_by_role("alert")).to_contain_text("master.m3u8 could not be loaded (HTTP 404)")
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("alert")).to_contain_text("master.m3u8")


def test_the_page_fits_a_phone(page: Page, player: PlayerServer) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(player.url)
    expect(page.get_by_role("group", name="Rendition")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_carried_hls_js_is_the_pinned_release_unchanged(npm_packages: Path) -> None:
    released = (npm_packages / "hls.js" / "dist" / "hls.min.js").read_bytes()
    assert (STATIC / "hls.min.js").read_bytes() == released


def test_a_stream_that_grows_is_played_from_its_beginning_to_its_end(
    page: Page, published_stream: Path, tmp_path: Path
) -> None:
    """Players begin near the end of a playlist that has none, unless they are told where to begin."""
    stream = tmp_path / "stream"
    shutil.copytree(published_stream, stream)
    whole = {path: path.read_text() for path in (stream / "master.m3u8", *stream.glob("*/*/index.m3u8"))}
    for path, text in whole.items():
        if path.name == "master.m3u8":
            path.write_text(text.replace("#EXT-X-MEDIA:", "#EXT-X-START:TIME-OFFSET=0\n#EXT-X-MEDIA:", 1))
        else:  # all but the last segment, so that the usual place to begin would be another one
            text = text.replace("TYPE:VOD", "TYPE:EVENT").removesuffix("#EXT-X-ENDLIST\n")
            path.write_text(text[: text.rindex("#EXTINF")])
    with serve_player(stream) as server:
        page.goto(server.url)
        wait_for(page, "() => window.gopfarm.video.played.length")
        assert page.evaluate("() => window.gopfarm.video.played.start(0)") < 0.5
        assert page.evaluate("() => window.gopfarm.video.duration") < STREAM_SECONDS - 1
        for path, text in whole.items():
            path.write_text(text)
        wait_for(page, "(length) => window.gopfarm.video.duration > length", STREAM_SECONDS - 0.5)
