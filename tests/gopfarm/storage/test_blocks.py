from __future__ import annotations

import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gopfarm.errors import SourceError
from gopfarm.facts import SourceRef
from gopfarm.storage.blocks import BLOCK_BYTES, RUN_BLOCKS, BlockCache, Fetch
from gopfarm.storage.shared import shared_blocks
from gopfarm.storage.source import HEAD_BYTES, RangedSource

READS = st.lists(st.tuples(st.integers(0, 130), st.integers(0, 60)), max_size=40)


@given(
    data=st.binary(max_size=120),
    block=st.integers(1, 16),
    run=st.integers(1, 4),
    more=st.integers(0, 4),
    reads=READS,
)
def test_any_reads_give_the_source_s_bytes_in_bounded_memory(
    data: bytes, block: int, run: int, more: int, reads: list[tuple[int, int]]
) -> None:
    def fetch(start: int, length: int) -> bytes:
        assert 0 < length <= run * block
        assert start + length <= len(data)
        return data[start : start + length]

    cache = BlockCache(len(data), fetch, block_bytes=block, run_blocks=run, cache_blocks=run + more)
    for offset, length in reads:
        buffer = bytearray(length)
        done = cache.read_into(offset, memoryview(buffer))
        assert bytes(buffer[:done]) == data[offset : offset + length]
        assert len(cache._blocks) <= run + more


def reader(data: bytes) -> Fetch:
    return lambda start, length: data[start : start + length]


def source_of(data: bytes, requests: list[tuple[int, int]]) -> RangedSource:
    def fetch(start: int, length: int) -> bytes:
        requests.append((start // BLOCK_BYTES, length // BLOCK_BYTES))
        return data[start : start + length]

    return RangedSource(SourceRef("s3://b/k", len(data), "e"), fetch, data[:HEAD_BYTES])


def test_a_ranged_source_behaves_as_a_file() -> None:
    data = random.Random(1).randbytes(3 * BLOCK_BYTES + 12_345)
    ours, theirs, chance = source_of(data, []), io.BytesIO(data), random.Random(2)
    for _ in range(200):
        whence = chance.choice((0, 1, 2))
        offset = chance.randrange(len(data)) - (len(data) if whence == 2 else 0)
        assert ours.seek(offset, whence) == theirs.seek(offset, whence)
        length = chance.randrange(100_000)
        assert ours.read(length) == theirs.read(length)
        assert ours.tell() == theirs.tell()
        if theirs.tell() > len(data):
            theirs.seek(ours.seek(0))
    ours.seek(0)
    assert ours.read() == data
    ours.close()
    with pytest.raises(ValueError, match="closed"):
        ours.read(1)


def test_sequential_reading_asks_for_growing_runs_and_a_jump_for_what_it_wants() -> None:
    requests: list[tuple[int, int]] = []
    source = source_of(bytes(12 * RUN_BLOCKS * BLOCK_BYTES), requests)
    while source.tell() < 8 * RUN_BLOCKS * BLOCK_BYTES:
        source.read(4 * BLOCK_BYTES)
    lengths = [length for _, length in requests]
    assert lengths == sorted(lengths)
    assert (lengths[0], lengths[-1]) == (4, RUN_BLOCKS)
    assert source.bytes_fetched <= 9 * RUN_BLOCKS * BLOCK_BYTES
    source.seek(11 * RUN_BLOCKS * BLOCK_BYTES + 5)
    source.read(BLOCK_BYTES)
    assert requests[-1] == (11 * RUN_BLOCKS, 2)


def test_what_is_expected_comes_in_long_requests_and_little_beyond_it() -> None:
    requests: list[tuple[int, int]] = []
    source = source_of(bytes(3 * RUN_BLOCKS * BLOCK_BYTES), requests)
    source.expect(10 * BLOCK_BYTES + 5, (12 + RUN_BLOCKS) * BLOCK_BYTES - 7)
    source.seek(10 * BLOCK_BYTES + 5)
    for _ in range(RUN_BLOCKS + 2):
        source.read(BLOCK_BYTES)
    assert requests == [(10, RUN_BLOCKS), (10 + RUN_BLOCKS, 2), (12 + RUN_BLOCKS, 1)]


def test_two_interleaved_readings_fetch_nothing_twice() -> None:
    requests: list[tuple[int, int]] = []
    source = source_of(bytes(300 * BLOCK_BYTES), requests)
    for step in range(24):  # picture at the front, sound further back, as in a file that is not interleaved
        for base in (0, 200 * BLOCK_BYTES):
            source.seek(base + step * (1 << 16))
            source.read(1 << 16)
    fetched = [start + offset for start, count in requests for offset in range(count)]
    assert len(fetched) == len(set(fetched))


def test_one_reader_s_blocks_serve_the_next_reader_of_the_same_bytes_alone() -> None:
    ours: list[tuple[int, int]] = []
    theirs: list[tuple[int, int]] = []
    data = random.Random(3).randbytes(40 * BLOCK_BYTES)
    source_of(data, ours).read(len(data))
    again = source_of(data, theirs)
    assert again.read(len(data)) == data
    assert theirs == []
    changed = bytes(len(data))
    other = RangedSource(SourceRef("s3://b/k", len(data), "e2"), reader(changed), changed[:HEAD_BYTES])
    assert other.read(len(data)) == changed


def test_blocks_are_not_shared_where_nothing_tells_old_bytes_from_new_ones() -> None:
    for data in (bytes(9 * BLOCK_BYTES), b"x" * 9 * BLOCK_BYTES):
        source = RangedSource(SourceRef("https://h/k", len(data), ""), reader(data), data[:HEAD_BYTES])
        assert source.read(len(data)) == data
    assert shared_blocks().size == 0


def test_what_fetch_raises_reaches_the_reader() -> None:
    def fetch(start: int, length: int) -> bytes:
        raise SourceError("s3://b/k changed while it was being read")

    source = RangedSource(SourceRef("s3://b/k", 2 * HEAD_BYTES, "e"), fetch, bytes(HEAD_BYTES))
    source.seek(HEAD_BYTES)
    with pytest.raises(SourceError, match="changed"):
        source.read(1)
