"""The table: what was done to the farm, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median

from tests.chaos.run import Result
from tests.chaos.verdict import CORRUPT, HUNG, LEAKED, LOST, WRONG

_HEADINGS = (
    "fault",
    "runs",
    "faults made",
    "jobs",
    "done",
    "cancelled",
    "failed first, with the true reason",
    "lost",
    "corrupt",
    "hung",
    "leaked",
    "otherwise wrong",
    "encoded per segment",
    "recovery, median",
    "recovery, worst",
)

#: The same, narrow enough for a terminal.
_SHORT = (
    *("fault", "runs", "made", "jobs", "done", "canc", "fail", "lost", "corr", "hung", "leak", "wrong"),
    *("enc/seg", "median", "worst"),
)


def one_line(number: int, of: int, result: Result) -> str:
    """Describe a run while others go on."""
    made = [f"{one.kind}: {one.victim}" for one in result.injections]
    times = [f"{seconds:.1f} s" for seconds in result.verdict.recoveries if seconds is not None]
    words = [
        f"{number:>3}/{of}",
        f"seed {result.seed}",
        f"{result.kind:<15}",
        f"{'RIGHT' if result.right else 'WRONG'}",
        f"jobs {','.join(result.verdict.states) or '-'}",
        f"encoded {result.verdict.encoded:.2f}",
        f"recovery {', '.join(times) or '-'}",
        f"in {result.seconds:.0f} s",
        f"({'; '.join(made) or 'too late'})",
    ]
    lines = ["  ".join(words)]
    lines += [f"        {kind}: {text}" for kind, text in result.verdict.faults]
    if result.kept is not None:
        lines.append(f"        kept in {result.kept}")
    return "\n".join(lines)


def table(results: Sequence[Result]) -> str:
    """Return the table for a terminal."""
    rows = [_SHORT, *_rows(results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_SHORT))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def markdown(results: Sequence[Result]) -> str:
    """Return the same as a Markdown table."""
    head = [_HEADINGS, ("---", *("---:" for _ in _HEADINGS[1:]))]
    return "".join(f"| {' | '.join(row)} |\n" for row in (*head, *_rows(results)))


def _rows(results: Sequence[Result]) -> list[tuple[str, ...]]:
    kinds = list(dict.fromkeys(result.kind for result in results))
    rows = [_row(kind, [result for result in results if result.kind == kind]) for kind in kinds]
    return [*rows, _row("all", results)]


def _row(name: str, results: Sequence[Result]) -> tuple[str, ...]:
    states = Counter(state for result in results for state in result.verdict.states)
    wrong = Counter(kind for result in results for kind in {kind for kind, _ in result.verdict.faults})
    times = [seconds for result in results for seconds in result.verdict.recoveries if seconds is not None]
    encoded = [result.verdict.encoded for result in results]
    return (
        name,
        str(len(results)),
        str(sum(len(result.injections) for result in results)),
        str(sum(result.jobs for result in results)),
        str(states["done"]),
        str(states["cancelled"]),
        str(sum(result.verdict.failed_rightly for result in results)),
        *(str(wrong[kind]) for kind in (LOST, CORRUPT, HUNG, LEAKED, WRONG)),
        f"{sum(encoded) / len(encoded):.2f}" if encoded else "-",
        f"{median(times):.1f} s" if times else "-",
        f"{max(times):.1f} s" if times else "-",
    )
