"""Measure two things in turn, pair by pair, so that a machine whose speed drifts does not matter."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, both medians, the median ratio, and the bar it must pass."""

    what: str
    ours: float
    theirs: float
    ratio: float
    unit: str
    bar: str
    passed: bool


def compare(
    what: str,
    ours: Callable[[], float],
    theirs: Callable[[], float],
    *,
    unit: str,
    pairs: int = 7,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Row:
    """Run both alternately so many times, after one warm-up each, and judge the median of the ratios."""
    ours()
    theirs()
    measured = [(ours(), theirs()) for _ in range(pairs)]
    ratio = statistics.median(one / other for one, other in measured)
    passed = (at_least is None or ratio >= at_least) and (at_most is None or ratio <= at_most)
    bar = f">= {at_least:g}" if at_least is not None else f"<= {at_most:g}"
    return Row(
        what,
        statistics.median(one for one, _ in measured),
        statistics.median(other for _, other in measured),
        ratio,
        unit,
        bar,
        passed,
    )


HEAD = """\
| what | chatapp | beside it | ratio | bar | |
|---|---|---|---|---|---|"""
"""What the rows of the Markdown table stand under."""


def line(row: Row) -> str:
    """A row of the Markdown table."""
    return (
        f"| {row.what} | {row.ours:.4g} {row.unit} | {row.theirs:.4g} {row.unit} | {row.ratio:.3f} | {row.bar} "
        f"| {'ok' if row.passed else 'MISSED'} |"
    )
