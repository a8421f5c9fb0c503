"""A viewer who never sleeps: looks all the time whether everything that is published is whole."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from xml.etree import ElementTree

import m3u8

from tests.chaos.film import Film
from tests.chaos.places import Place

#: One broken moment shows in many looks; so many different ones are kept.
_MOST = 10

_DASH = {"d": "urn:mpeg:dash:schema:mpd:2011"}


class Watcher:
    """Polls destinations in a thread of its own, from entry to exit; ``faults`` says what was ever broken."""

    def __init__(self, film: Film, places: list[Place]) -> None:
        self.faults: list[str] = []
        self.looks = 0
        self._film = film
        self._places = places
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(max(place.look_seconds for place in self._places)):
            for place in self._places:
                self.faults += [fault for fault in self.look(place) if fault not in self.faults]
                del self.faults[_MOST:]

    def look(self, place: Place) -> list[str]:
        """Return what is broken at a destination now, as a viewer would meet it."""
        faults = []
        for name, reached in (("master.m3u8", by_playlist), ("manifest.mpd", by_manifest)):
            text = place.read(name)
            if text is None:
                continue
            self.looks += 1
            try:
                names = list(reached(place, text.decode()))
            except (ValueError, ElementTree.ParseError) as error:
                faults.append(f"{place.url}/{name} cannot be followed: {error}")
                continue
            sizes = place.sizes()
            faults += [f"{place.url}/{name} {fault}" for fault in self._judge(names, sizes)]
        return faults

    def _judge(self, names: list[str], sizes: dict[str, int]) -> Iterator[str]:
        for name in names:
            expected = self._film.files.get(name)
            if expected is None:
                yield f"names {name}, which the undisturbed job does not have"
            elif name not in sizes:
                yield f"names {name}, which is missing"
            elif sizes[name] != expected.size:
                yield f"names {name}, which has {sizes[name]} bytes and not {expected.size}"


def by_playlist(place: Place, text: str) -> Iterator[str]:
    """Yield the name of every file that a viewer of ``master.m3u8`` may ask for."""
    master = m3u8.loads(text)
    if not master.playlists:
        raise ValueError("it has no variant")
    names = [playlist.uri for playlist in master.playlists]
    names += [media.uri for media in master.media if media.uri]
    for name in names:
        data = place.read(name)
        if data is None:
            raise ValueError(f"{name} is missing")
        playlist = m3u8.loads(data.decode())
        if not playlist.is_endlist or not playlist.segments:
            raise ValueError(f"{name} is not a whole playlist")
        yield name
        folder = name.rpartition("/")[0]
        yield from (f"{folder}/{part.uri}" for part in (*playlist.segment_map, *playlist.segments))


def by_manifest(_: Place, text: str) -> Iterator[str]:
    """Yield the name of every file that a viewer of ``manifest.mpd`` may ask for."""
    templates = ElementTree.fromstring(text).findall(".//d:SegmentTemplate", _DASH)
    if not templates:
        raise ValueError("it has no segments")
    for template in templates:
        yield template.attrib["initialization"]
        first = int(template.attrib.get("startNumber", "1"))
        runs = template.findall("d:SegmentTimeline/d:S", _DASH)
        for number in range(first, first + sum(int(run.attrib.get("r", "0")) + 1 for run in runs)):
            yield template.attrib["media"].replace("$Number%05d$", f"{number:05d}")
