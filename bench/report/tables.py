"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; every row has as many cells as there are heads."""
    lines = [heads, ["---"] * len(heads), *rows]
    assert all(len(line) == len(heads) for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
