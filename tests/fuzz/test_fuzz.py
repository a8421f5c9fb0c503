"""A short campaign: mutated media makes nothing hang, kills nothing of ours, and is refused cleanly."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from gopfarm.errors import EncodeError, SourceError
from tests.fuzz import campaign, trial
from tests.fuzz.campaign import Tally, file_of, run_campaign, temporary_folder
from tests.fuzz.mutate import MUTATIONS, mutated
from tests.fuzz.seeds import RECIPES, make_seeds
from tests.fuzz.trial import Outcome, try_file

COUNT = 150


def test_mutated_media_is_encoded_or_refused() -> None:
    tally = run_campaign(COUNT, seed=4, runners=2, report=lambda tally: None)
    assert tally.faults == []
    assert sum(tally.kinds.values()) == COUNT
    assert tally.kinds["done"] > COUNT // 5, "else most would end before they met a decoder"
    assert tally.kinds["refused"] > COUNT // 10


def test_every_original_is_good(tmp_path: Path) -> None:
    seeds = [path for path in make_seeds(tmp_path) if path.parent == tmp_path]
    assert len(seeds) > len(RECIPES) * 0.8
    for path in seeds[::4]:
        assert try_file(path, tmp_path) == Outcome("done"), path.name


def test_a_number_always_gives_the_same_file(tmp_path: Path) -> None:
    paths = []
    for number in range(3):
        paths.append(tmp_path / str(number))
        paths[-1].write_bytes(random.Random(number).randbytes(5000))
    first = [file_of(number, 1, paths) for number in range(30)]
    assert first == [file_of(number, 1, paths) for number in range(30)]
    assert first != [file_of(number, 2, paths) for number in range(30)]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_every_kind_of_damage_does_damage_and_copes_with_any_length(mutation: object) -> None:
    assert callable(mutation)
    original = b"ftypmoov" * 100
    changed = sum(
        mutation(bytearray(original), random.Random(number), [b"other"]) != original for number in range(20)
    )
    assert changed > 10
    for length in (1, 2, 5, 8):
        mutated(bytes(length), random.Random(length), [b"x"])


# What the campaign would find, made to happen.


def outcome_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception) -> Outcome:
    def failing(path: Path) -> None:
        raise error

    monkeypatch.setattr(trial, "_probe", failing)
    return try_file(tmp_path / "none", tmp_path)


def test_a_bug_is_told_from_a_refusal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert outcome_of(monkeypatch, tmp_path, SourceError("film: it is damaged")).kind == "refused"
    assert outcome_of(monkeypatch, tmp_path, ZeroDivisionError()).kind == "unclean"
    for text in ("two\nlines", "the encoding process ended with code 1", "x" * 500):
        assert outcome_of(monkeypatch, tmp_path, EncodeError(text)).kind == "unclean"


def test_a_crash_is_told_by_its_signal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    error = EncodeError("the encoding process was killed by SIGSEGV; it last said: x")
    assert outcome_of(monkeypatch, tmp_path, error) == Outcome("crash", "SIGSEGV (probe)")


def test_a_hang_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert outcome_of(monkeypatch, tmp_path, TimeoutError()) == Outcome("hang", "probe")
    monkeypatch.setattr(trial, "HANG_SECONDS", 0.0)
    patience = trial._Patience()
    time.sleep(0.01)
    with pytest.raises(trial._HangError):
        patience.keep(0)


def test_a_runner_that_dies_is_counted_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    (root / "tests" / "fuzz").mkdir(parents=True)
    # Dies at its third file, as often as it is started.
    (root / "tests" / "fuzz" / "runner.py").write_text(
        "import json, sys, os\n"
        "for number in list(range(*map(int, sys.argv[2:5])))[:2]:\n"
        "    line = {'number': number, 'seed_file': 'x', 'kind': 'done', 'detail': ''}\n"
        "    print(json.dumps(line), flush=True)\n"
        "os.abort()\n"
    )
    monkeypatch.setattr(campaign, "ROOT", root)
    monkeypatch.setenv("PYTHONPATH", "")
    tally = Tally()
    with temporary_folder() as folder:
        at, seeds = 0, [tmp_path / "x"]
        while at < 7:
            at = campaign._watch_runner(range(at, 7, 1), 1, seeds, Path(folder), tally, lambda tally: None)
    assert tally.kinds == {"done": 5, "dead runner": 2}
    assert [fault["number"] for fault in tally.faults] == [2, 5]
