"""The figures that a long run measures; `make faults` keeps them in docs/reliability.md."""

from __future__ import annotations

import os
import platform
from datetime import date
from pathlib import Path

import apsw
import pytest

FULL = os.environ.get("CHATAPP_FAULTS") == "full"
REPORT = Path(__file__).parents[2] / "docs" / "reliability.md"
_figures: dict[str, tuple[str, str]] = {}

INTRO = """# Reliability

Measured {day} by `make faults` on {cores} cores, {system}, Python {python}, SQLite {sqlite}. A quick profile of
the same tests runs with `make test`.

| what was done to it | measured | bar |
|---|---|---|
"""


@pytest.fixture
def figure():
    """Keeps one line of the report: what was done, what was measured, and the bar."""

    def keep(what: str, measured: str, bar: str) -> None:
        _figures[what] = measured, bar

    return keep


def pytest_sessionfinish(session, exitstatus):
    """Write the report of a long run in which nothing failed."""
    if FULL and _figures and exitstatus == 0:
        intro = INTRO.format(
            day=f"{date.today():%d %B %Y}",  # noqa: DTZ011
            cores=os.cpu_count(),
            system=platform.system(),
            python=platform.python_version(),
            sqlite=apsw.sqlite_lib_version(),
        )
        old = {}
        if REPORT.exists():  # a run of some of the tests leaves the other lines
            rows = [
                line.strip("| ").split(" | ") for line in REPORT.read_text("utf-8").splitlines() if line[:1] == "|"
            ]
            old = {row[0]: (row[1], row[2]) for row in rows[2:] if len(row) == 3}
        lines = [f"| {what} | {measured} | {bar} |" for what, (measured, bar) in (old | _figures).items()]
        REPORT.write_text(intro + "\n".join(lines) + "\n", "utf-8")
