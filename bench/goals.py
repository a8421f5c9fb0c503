"""Targets: something that a bench measures, and the bound it has to keep."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from bench.results import Results


class Bound(Enum):
    """How a figure is held against its goal, in the words of the table."""

    AT_MOST = ("at most", operator.le)
    UNDER = ("under", operator.lt)
    AT_LEAST = ("at least", operator.ge)
    OVER = ("over", operator.gt)

    def __init__(self, words: str, holds: Callable[[float, float], bool]) -> None:
        self.words = words
        self.holds = holds

    @property
    def upper(self) -> bool:
        """True where less is better."""
        return self in (Bound.AT_MOST, Bound.UNDER)


@dataclass(frozen=True)
class Goal:
    """A bound and its figure, in the unit that the target is shown in."""

    bound: Bound
    figure: float


@dataclass(frozen=True)
class Target:
    """One row of the table.

    Args:
        what: What is measured.
        bench: The name of the bench that measures it.
        read: Takes the figure out of what the bench's script wrote; None where it is not there.
        digits: Decimal places that are shown.
        unit: Follows the figure.
        goal: What it has to be; without one the figure is only told.
        why: If it is missed: why, and what was tried.
    """

    what: str
    bench: str
    read: Callable[[Any], float | None]
    digits: int
    unit: str = ""
    goal: Goal | None = None
    why: str = ""

    @property
    def wanted(self) -> str:
        """The goal in words."""
        return f"{self.goal.bound.words} {self.goal.figure:g}{self.unit}" if self.goal else "reported"

    def shown(self, figure: float) -> str:
        """Return a figure with its unit."""
        return f"{figure:.{self.digits}f}{self.unit}"

    def figure(self, results: Results) -> float | None:
        """Return what was measured, if it was."""
        result = results.get(self.bench)
        return None if result is None else self.read(result.figures)

    def met(self, results: Results) -> bool | None:
        """Tell whether the goal was reached; None where nothing was measured or there is no goal."""
        figure = self.figure(results)
        if figure is None or self.goal is None:
            return None
        return self.goal.bound.holds(figure, self.goal.figure)


def at_most(figure: float) -> Goal:
    """The figure or less."""
    return Goal(Bound.AT_MOST, figure)


def under(figure: float) -> Goal:
    """Less than the figure."""
    return Goal(Bound.UNDER, figure)


def at_least(figure: float) -> Goal:
    """The figure or more."""
    return Goal(Bound.AT_LEAST, figure)


def over(figure: float) -> Goal:
    """More than the figure."""
    return Goal(Bound.OVER, figure)
