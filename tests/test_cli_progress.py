"""The bar: what is done of how many, the rate of this run alone, and the time that is left at it."""

from __future__ import annotations

from chatapp.cli.progress import Progress


def test_the_rate_and_the_time_left_count_from_this_run_alone():
    now = [100.0]
    progress = Progress(500, before=250, clock=lambda: now[0])
    assert progress.line == "━" * 12 + "─" * 12 + " 250 / 500"
    for _ in range(50):
        progress.step()
    now[0] = 125.0
    assert progress.line.endswith("300 / 500   2.0/s   1:40 left")
    now[0] = 3700.0
    assert progress.line.endswith("0.8/min   4:00:00 left")
