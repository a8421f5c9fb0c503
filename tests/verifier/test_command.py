"""``gopfarm verify``: what it prints and how it exits."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result

from cli.main import cli
from tests.verifier.streams import Published
from verifier.rulebook import RULES

DOCS = Path(__file__).parents[2] / "docs" / "verify.md"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["verify", *map(str, arguments)])


def test_a_good_stream_exits_with_0_and_strictly_with_1(good: Callable[[str], Published]) -> None:
    done = run(good("cmaf").master)
    assert done.exit_code == 0, done.output
    assert "no errors" in done.output
    assert run(good("cmaf").master, "--strict").exit_code == 1


def test_errors_come_first_and_exit_with_1(good: Callable[[str], Published], tmp_path: Path) -> None:
    spoilt = good("cmaf").copy(tmp_path / "spoilt")
    spoilt.edit("180p", "#EXT-X-ENDLIST\n", "")
    done = run(spoilt.master)
    assert done.exit_code == 1
    first = done.stdout.splitlines()[0]
    assert first.startswith("error")
    assert first.endswith("[RFC 8216 4.3.3.5]")


def test_json_tells_findings_and_facts(published: Published) -> None:
    done = run(published.master, "--json")
    document = json.loads(done.stdout)
    assert document["ok"] is True
    assert {"level", "rule", "where", "message"} == set(document["findings"][0])
    renditions = {one["name"].split("/")[0]: one for one in document["facts"]["renditions"]}
    assert renditions["180p"]["frames"] == 150
    assert renditions["180p"]["resolution"] == "320x180"
    assert renditions["audio-eng-0"]["channels"] == 2
    variant = document["facts"]["variants"][0]
    assert abs(variant["measured_peak"] - variant["bandwidth"]) < 0.01 * variant["bandwidth"]


def test_what_is_no_playlist_exits_with_2_in_one_line(
    tmp_path: Path, good: Callable[[str], Published]
) -> None:
    (tmp_path / "note.txt").write_text("no playlist")
    for address in (tmp_path / "note.txt", tmp_path / "absent.m3u8", tmp_path, "ftp://host/a.m3u8"):
        done = run(address)
        assert done.exit_code == 2, address
        assert len(done.stderr.strip().splitlines()) == 1
    done = run(good("cmaf").master, tmp_path / "absent.mp4")
    assert done.exit_code == 2
    assert "absent.mp4 does not exist" in done.stderr


def test_a_server_out_of_reach_exits_with_3() -> None:
    done = run("http://127.0.0.1:1/master.m3u8", "--json")
    assert done.exit_code == 3
    assert json.loads(done.stdout)["error"]["kind"] == "service"


def test_the_documentation_lists_every_rule() -> None:
    rows = re.findall(r"^\| (.+?) \| (error|warning) \| (.+?) \|$", DOCS.read_text(), re.MULTILINE)
    assert rows == [(rule.reference, rule.level, rule.what) for rule in RULES]
