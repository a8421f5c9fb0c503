"use strict";

const SOURCE = document.body.dataset.stream;
// Where the stream comes from the farm's API, the dashboard has asked for a token.
const TOKEN_KEY = "gopfarm-token";
const token = SOURCE.startsWith("/api/") ? sessionStorage.getItem(TOKEN_KEY) : null;
const REFRESH_MS = 500;
const SEEK_SECONDS = 5;

const $ = (id) => document.getElementById(id);
const video = $("video");
const hls = window.Hls && Hls.isSupported()
  // The estimate to begin with: a server nearby deserves better than the lowest rung.
  ? new Hls({
    abrEwmaDefaultEstimate: 6_000_000,
    xhrSetup: (request) => token && request.setRequestHeader("Authorization", `Bearer ${token}`),
  })
  : null;
window.gopfarm = { hls, video };

const rate = (bits) => bits >= 995_000 ? `${(bits / 1e6).toFixed(1)} Mb/s` : `${Math.round(bits / 1e3)} kb/s`;
// A rung is named by its short side, so that 1080 x 1920 is a 1080p too.
const name = (level) => level.height ? `${Math.min(level.width, level.height)}p` : "Audio only";

/* Messages */

let mediaRecoveries = 0;

function showMessage(text) {
  $("message-text").textContent = text;
  $("message").hidden = false;
}

function explain(data) {
  const { ErrorDetails, ErrorTypes } = Hls;
  const status = data.response?.code ? ` (HTTP ${data.response.code})` : "";
  if (data.response?.code === 401) return "The farm asks for a token: open the job from the dashboard.";
  switch (data.details) {
    case ErrorDetails.MANIFEST_LOAD_ERROR:
    case ErrorDetails.MANIFEST_LOAD_TIMEOUT:
      return `There is no stream here yet: master.m3u8 could not be loaded${status}. Has the transcode finished?`;
    case ErrorDetails.MANIFEST_PARSING_ERROR:
      return `master.m3u8 is not a playlist that can be read: ${data.error?.message ?? data.reason}`;
    case ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR:
      return "This browser cannot decode any rendition of the stream. Try another browser, or VLC.";
  }
  if (data.type === ErrorTypes.NETWORK_ERROR) {
    return `A part of the stream could not be loaded${status}: ${data.url ?? data.frag?.url ?? data.details}`;
  }
  return `The stream cannot be played: ${data.error?.message ?? data.details}`;
}

function onError(_event, data) {
  if (!data.fatal) return;
  if (data.type === Hls.ErrorTypes.MEDIA_ERROR && mediaRecoveries < 1) {
    mediaRecoveries += 1;
    hls.recoverMediaError();
    return;
  }
  showMessage(explain(data));
}

$("retry").addEventListener("click", () => {
  $("message").hidden = true;
  start();
});

/* Menus */

function fill(menu, group, choices, pick) {
  const box = menu.querySelector(".choices");
  box.replaceChildren(...choices.map(({ value, text, detail, checked }) => {
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: group, value, checked });
    const span = document.createElement("span");
    const small = Object.assign(document.createElement("small"), { textContent: detail ?? "" });
    span.append(text, small);
    input.addEventListener("change", () => pick(value));
    label.append(input, span);
    return label;
  }));
  menu.hidden = choices.length < 2;
}

function pickLevel(index) {
  // Back to automatic keeps what is buffered; a chosen rendition shows at the next segment.
  if (index < 0) hls.loadLevel = -1;
  else hls.nextLevel = index;
}

function showLevels() {
  const rungs = hls.levels.map((level, value) => ({ value, text: name(level), detail: rate(level.bitrate) })).reverse();
  fill($("levels"), "level", [{ value: -1, text: "Auto", checked: true }, ...rungs], pickLevel);
  // One rung leaves nothing to choose.
  $("levels").hidden = rungs.length < 2;
}

function showTracks() {
  const tracks = hls.audioTracks.map((track, value) => ({
    value, text: track.name || track.lang || `Track ${value + 1}`, checked: value === hls.audioTrack,
    detail: track.lang && track.lang !== track.name ? track.lang : "",
  }));
  fill($("tracks"), "track", tracks, (index) => { hls.audioTrack = index; });
}

function markTrack(_event, track) {
  for (const input of $("tracks").querySelectorAll("input")) input.checked = Number(input.value) === track.id;
}

function markCurrent() {
  for (const input of $("levels").querySelectorAll("input")) {
    input.parentElement.classList.toggle("current", Number(input.value) === hls.currentLevel);
  }
}

function nextRendition() {
  const inputs = [...$("levels").querySelectorAll("input")];
  if (inputs.length) inputs[(inputs.findIndex((input) => input.checked) + 1) % inputs.length].click();
}

/* The live panel */

function bufferAhead() {
  const { buffered, currentTime } = video;
  for (let i = 0; i < buffered.length; i += 1) {
    // A tenth of a second of grace: a range may begin just after the position.
    if (buffered.start(i) <= currentTime + 0.1 && currentTime <= buffered.end(i)) return buffered.end(i) - currentTime;
  }
  return 0;
}

function refresh() {
  const level = hls?.levels[hls.currentLevel];
  $("playing").textContent = level ? `${name(level)} at ${rate(level.bitrate)}` : "–";
  $("resolution").textContent = video.videoWidth ? `${video.videoWidth} × ${video.videoHeight}` : "–";
  $("bandwidth").textContent = hls && Number.isFinite(hls.bandwidthEstimate) ? rate(hls.bandwidthEstimate) : "–";
  const ahead = bufferAhead();
  $("buffer").textContent = `${ahead.toFixed(1)} s`;
  $("buffer-meter").value = ahead;
  const quality = video.getVideoPlaybackQuality?.();
  $("dropped").textContent = quality ? `${quality.droppedVideoFrames} of ${quality.totalVideoFrames}` : "–";
}

/* Keys, unless a control that has its own use for them is in focus */

const KEYS = {
  " ": () => (video.paused ? play() : video.pause()),
  k: () => (video.paused ? play() : video.pause()),
  ArrowLeft: () => { video.currentTime -= SEEK_SECONDS; },
  ArrowRight: () => { video.currentTime += SEEK_SECONDS; },
  m: () => { video.muted = !video.muted; },
  f: () => (document.fullscreenElement ? document.exitFullscreen() : video.requestFullscreen?.()),
  q: nextRendition,
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const letter = event.key.length === 1 && event.key !== " ";
  if (!letter && event.target.closest("video, input, button, a")) return;
  const action = KEYS[letter ? event.key.toLowerCase() : event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

/* Start */

// Browsers refuse sound before the first click; the play button is there then.
const play = () => video.play().catch(() => {});

function start() {
  mediaRecoveries = 0;
  if (hls) {
    hls.loadSource(SOURCE);
    hls.attachMedia(video);
  } else if (video.canPlayType("application/vnd.apple.mpegurl")) {
    video.src = SOURCE;
    play();
  } else {
    showMessage("This browser cannot play HLS. Try another browser, or open master.m3u8 in VLC.");
  }
}

if (hls) {
  hls.on(Hls.Events.ERROR, onError);
  hls.on(Hls.Events.MANIFEST_PARSED, () => { showLevels(); play(); });
  hls.on(Hls.Events.AUDIO_TRACKS_UPDATED, showTracks);
  hls.on(Hls.Events.AUDIO_TRACK_SWITCHING, markTrack);
  hls.on(Hls.Events.LEVEL_SWITCHED, () => { markCurrent(); refresh(); });
} else {
  video.addEventListener("error", () => showMessage("The stream cannot be played by this browser."));
}
video.addEventListener("resize", refresh);
setInterval(refresh, REFRESH_MS);
start();
