"""What the checker says: findings, each under a rule of the rulebook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning"]

#: Findings of one rule in one playlist that are told one by one; a broken packager repeats itself.
TOLD_EACH = 5


@dataclass(frozen=True)
class Rule:
    """One thing that is checked.

    Attributes:
        reference: Where the rule comes from, such as ``RFC 8216 4.3.3.1``.
        level: ``error``: players may fail, or the playlist says what is not so. ``warning``: what is
            recommended, or left out.
        what: What is asked of a stream, in one sentence.
    """

    reference: str
    level: Level
    what: str


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. ``where`` is a playlist, with the line or segment if one is to blame."""

    level: Level
    rule: str
    where: str
    message: str


class Findings:
    """Collects findings while rules run."""

    def __init__(self) -> None:
        self._found: list[Finding] = []
        self._counts: Counter[tuple[Rule, str]] = Counter()

    def add(self, rule: Rule, where: str, message: str, at: str = "") -> None:
        """Report that ``rule`` is broken in the playlist ``where``, ``at`` a line or segment of it."""
        self._counts[rule, where] += 1
        if self._counts[rule, where] <= TOLD_EACH:
            self._found.append(Finding(rule.level, rule.reference, f"{where} {at}".rstrip(), message))

    def scope(self, where: str) -> Scope:
        """Return a way to report about one playlist."""
        return Scope(self, where)

    def sorted(self) -> tuple[Finding, ...]:
        """Return everything found, errors first, otherwise in the order in which it was found."""
        more = [
            Finding(
                rule.level,
                rule.reference,
                where,
                f"and {count - TOLD_EACH} more of the same rule: {rule.what}",
            )
            for (rule, where), count in self._counts.items()
            if count > TOLD_EACH
        ]
        return tuple(sorted([*self._found, *more], key=lambda finding: finding.level != "error"))


@dataclass(frozen=True)
class Scope:
    """Reports about one playlist."""

    findings: Findings
    where: str

    def add(self, rule: Rule, message: str, at: str = "") -> None:
        """Report that ``rule`` is broken, ``at`` a line or segment."""
        self.findings.add(rule, self.where, message, at)


def count(findings: Iterable[Finding], level: Level) -> int:
    """Return how many findings are of a level."""
    return sum(finding.level == level for finding in findings)
