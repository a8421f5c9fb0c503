"""From ASS events, which is what libavcodec makes of every text subtitle, to WebVTT cue text and settings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from encoders.webvtt import escape

#: Fields before the text of an event as libavcodec gives it: ReadOrder, Layer, Style, Name, three margins,
#: Effect.
_FIELDS_BEFORE_TEXT = 8
_STYLE_FIELD = 2

#: Size of the picture that positions count in, where the script does not say it (libavcodec's own).
_PLAY_RESOLUTION = (384, 288)

#: Weights of a font from which on it is bold.
_BOLD_WEIGHT = 600

#: An override block, an escape, a line end, plain text, or what is left of braces.
_TOKEN = re.compile(r"\{[^{}]*\}|\\[Nnh{}]|\\\u2060?|\r\n?|\n|[^{\\\r\n]+|.", re.DOTALL)

#: The overrides that mean something here. A transform, in parentheses, is left out before.
_OVERRIDE = re.compile(
    r"\\(?P<flag>[biu])(?P<value>\d*)(?![a-z0-9])"
    r"|\\(?P<reset>r)(?P<style>[^\\]*)"
    r"|\\an(?P<numpad>[1-9])"
    r"|\\a(?P<legacy>1[01]|[1-9])(?!\d)"
    r"|\\p(?P<drawing>\d+)"
    r"|\\(?:pos|move)\(\s*(?P<x>-?[\d.]+)\s*,\s*(?P<y>-?[\d.]+)"
)
_TRANSFORM = re.compile(r"\\t\([^()]*(?:\([^()]*\)[^()]*)*\)?")

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff]")

#: Percent of the picture's width that text at its left or right side keeps clear of the edge.
_SIDE_MARGIN = 5

#: How far from the middle, in percent of the width, a centred position has to be to count.
_CENTRE_TOLERANCE = 5


@dataclass(frozen=True)
class Style:
    """What of a style WebVTT can say. ``alignment`` is a key of the number pad: 2 is bottom centre."""

    bold: bool = False
    italic: bool = False
    underline: bool = False
    alignment: int = 2


@dataclass(frozen=True)
class Script:
    """What the header of a script says: its styles by name, and the picture that positions count in."""

    styles: Mapping[str, Style]
    width: float = _PLAY_RESOLUTION[0]
    height: float = _PLAY_RESOLUTION[1]

    def style(self, name: str) -> Style:
        """Return a style; one that is not defined is the default one."""
        return self.styles.get(name.strip().lstrip("*"), self.styles.get("Default", Style()))


def read_script(header: str) -> Script:
    """Read the header of an ASS or SSA script, or what libavcodec makes up for other formats.

    What cannot be understood is left out: a script without a word about styles is a valid one.
    """
    styles: dict[str, Style] = {}
    width, height = map(float, _PLAY_RESOLUTION)
    columns: list[str] = []
    legacy = False
    for line in header.splitlines():
        key, _, value = line.partition(":")
        key, value = key.strip().lower(), value.strip()
        if key.startswith("["):
            legacy = key.startswith("[v4 styles")
            columns = []
        elif key == "playresx":
            width = _number(value) or width
        elif key == "playresy":
            height = _number(value) or height
        elif key == "format":
            columns = [column.strip().lower() for column in value.split(",")]
        elif key == "style" and columns:
            fields = dict(zip(columns, (field.strip() for field in value.split(",")), strict=False))
            alignment = int(_number(fields.get("alignment", "2")) or 2)
            styles[fields.get("name", "").lstrip("*")] = Style(
                bold=_is_set(fields.get("bold", "0")),
                italic=_is_set(fields.get("italic", "0")),
                underline=_is_set(fields.get("underline", "0")),
                alignment=_from_legacy(alignment) if legacy else min(9, max(1, alignment)),
            )
    return Script(styles, width, height)


def cue_text(event: str, script: Script) -> tuple[str, str]:
    """Return payload and settings of an ASS event; the payload is empty where nothing is left to read.

    Bold, italic and underlined text, alignment, and roughly the position are kept. All other overrides and
    drawings are dropped. No line of the payload is empty.
    """
    fields = event.split(",", _FIELDS_BEFORE_TEXT)
    if len(fields) <= _FIELDS_BEFORE_TEXT:
        return "", ""
    base = script.style(fields[_STYLE_FIELD])
    state = _State(base, base.alignment)
    lines: list[list[tuple[Style, str]]] = [[]]
    for piece in _pieces(_CONTROLS.sub("", fields[_FIELDS_BEFORE_TEXT]), state, script):
        if piece == "\n":
            lines.append([])
        elif lines[-1] and lines[-1][-1][0] == state.look:
            lines[-1][-1] = (state.look, lines[-1][-1][1] + piece)
        else:
            lines[-1].append((state.look, piece))
    payload = "\n".join(filter(None, map(_marked_up, lines)))
    return payload, _settings(state, script) if payload else ""


@dataclass
class _State:
    """How the text at hand is to look. Of alignments and positions the first one of an event counts."""

    style: Style
    alignment: int
    position: tuple[float, float] | None = None
    aligned: bool = False
    drawing: bool = False

    @property
    def look(self) -> Style:
        return replace(self.style, alignment=2)

    def override(self, block: str, base: Style, script: Script) -> None:
        for found in _OVERRIDE.finditer(_TRANSFORM.sub("", block)):
            if flag := found["flag"]:
                self._set_flag(flag, found["value"], base)
            elif found["reset"]:
                name = found["style"].strip()
                self.style = script.style(name) if name else base
            elif (found["numpad"] or found["legacy"]) and not self.aligned:
                self.aligned = True
                legacy = found["legacy"]
                self.alignment = _from_legacy(int(legacy)) if legacy else int(found["numpad"])
            elif found["drawing"]:
                self.drawing = found["drawing"].strip("0") != ""
            elif found["x"] and self.position is None:
                self.position = _number(found["x"]), _number(found["y"])

    def _set_flag(self, flag: str, value: str, base: Style) -> None:
        if flag == "b":
            weight = int(value[:4]) if value else int(base.bold)
            self.style = replace(self.style, bold=weight == 1 or weight >= _BOLD_WEIGHT)
        elif flag == "i":
            self.style = replace(self.style, italic=value != "0" if value else base.italic)
        else:
            self.style = replace(self.style, underline=value != "0" if value else base.underline)


def _pieces(text: str, state: _State, script: Script) -> Iterator[str]:
    """Yield the text piece by piece, each line break on its own, keeping the state up to date."""
    base = state.style
    for token in _TOKEN.findall(text):
        if token.startswith("{") and len(token) > 1:
            state.override(token[1:-1], base, script)
        elif state.drawing:
            continue
        elif token in ("\\N", "\n", "\r", "\r\n"):
            yield "\n"
        elif token in ("\\n", "\\h"):
            yield " "
        else:
            # libavcodec writes a plain backslash with a word joiner behind it, so that it means nothing.
            yield token[1:] if token in ("\\{", "\\}") else token.rstrip("\u2060") or token


def _marked_up(line: list[tuple[Style, str]]) -> str:
    """Return a line as cue text, each run of one look with its own tags."""
    text = "".join(run for _, run in line)
    lead, trail = len(text) - len(text.lstrip()), len(text.rstrip())
    out, at = "", 0
    for style, run in line:
        kept = run[max(0, lead - at) : max(0, trail - at)]
        at += len(run)
        marked = escape(kept)
        if kept.strip():
            for tag, wanted in (("u", style.underline), ("i", style.italic), ("b", style.bold)):
                marked = f"<{tag}>{marked}</{tag}>" if wanted else marked
        out += marked
    return out


def _settings(state: _State, script: Script) -> str:
    """Return the cue settings for an alignment and a position; the usual place, bottom centre, needs none.

    Of a position's height only the third of the picture counts: how high lines of text are is known to the
    player alone.
    """
    column, row = (state.alignment - 1) % 3, (state.alignment - 1) // 3
    across = (_SIDE_MARGIN, 50, 100 - _SIDE_MARGIN)[column]
    if state.position is not None:
        across = min(100, max(0, round(100 * state.position[0] / script.width)))
        row = 2 - min(2, max(0, int(3 * state.position[1] / script.height)))
    settings = ["", "line:50%", "line:0"][row : row + 1]
    if column != 1:
        settings += [f"position:{across}%", f"align:{('left', '', 'right')[column]}"]
    elif abs(across - 50) > _CENTRE_TOLERANCE:
        settings.append(f"position:{across}%")
    return " ".join(filter(None, settings))


def _from_legacy(alignment: int) -> int:
    """Return a number pad key for SSA's own numbers: 1 to 3 below, plus 4 above, plus 8 in the middle."""
    column = min(3, max(1, alignment & 3))
    return column + (6 if alignment & 4 else 3 if alignment & 8 else 0)


def _is_set(value: str) -> bool:
    return value not in ("", "0")


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if abs(value) < float("inf") else 0.0
