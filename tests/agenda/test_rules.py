"""When reminders fire: 40 cases in 6 zones over 20 years, and rules that a stranger wrote."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from time_table import CASES, YEARS, ZONES, Clock, walls

from chatapp.agenda.reminder import Plan
from chatapp.agenda.rules import Rule, Series
from chatapp.agenda.zones import UnknownZone, moment, wall_time, zone_named

assert len(CASES) == 40


def plan(first, clock, rule, zone="UTC"):
    return Plan(
        text="x", start=datetime.fromisoformat(f"{first}T{clock}"), zone=zone, rule=Rule(**rule) if rule else None
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[1]} {case[2]}")
def test_every_firing_of_twenty_years_is_as_the_calendar_and_the_clock_say(case):
    expected = walls(*case)
    end = datetime(YEARS[-1] + 1, 1, 1)
    series = plan(*case).series
    found = []
    for index in range(len(series)):
        if series[index] >= end:
            break
        found.append(series[index])
    assert found == expected
    for name in ZONES:
        clock, zone = Clock(name), zone_named(name)
        # Every hundredth day, and all those on which clocks of some zone are set.
        for wall in [wall for place, wall in enumerate(expected) if place % 100 == 0 or _changes(wall, zone)]:
            assert moment(wall, zone) == clock.moment(wall), (name, wall)


def _changes(wall, zone):
    before, after = (wall + timedelta(days=days) for days in (-1, 1))
    return before.replace(tzinfo=zone).utcoffset() != after.replace(tzinfo=zone).utcoffset()


@pytest.mark.parametrize(
    ("zone", "wall", "shown"),
    [
        ("Europe/Berlin", "2027-03-28T02:30", "2027-03-28T03:00"),
        ("America/New_York", "2027-03-14T02:00", "2027-03-14T03:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:10", "2026-10-04T02:30"),
        ("America/Santiago", "2026-09-06T00:15", "2026-09-06T01:00"),
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-31T00:00"),
    ],
)
def test_a_time_that_clocks_skip_becomes_the_next_minute_that_there_is(zone, wall, shown):
    place = zone_named(zone)
    at = moment(datetime.fromisoformat(wall), place)
    assert wall_time(at, place) == datetime.fromisoformat(shown)
    assert wall_time(at - timedelta(minutes=1), place) < datetime.fromisoformat(wall)


def test_a_time_that_is_there_twice_is_its_first():
    at = moment(datetime(2026, 10, 25, 2, 30), zone_named("Europe/Berlin"))
    assert at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "Europe", "x" * 500, "a\0b"]
)
def test_a_zone_that_is_none_is_refused(name):
    with pytest.raises(UnknownZone):
        zone_named(name)


@pytest.mark.parametrize(
    "rule",
    [
        {"every": "second"},
        {"every": "minute"},
        {"every": "day", "interval": 0},
        {"every": "day", "interval": 1000},
        {"every": "day", "weekdays": (1,)},
        {"every": "week"},
        {"every": "week", "weekdays": (3, 1)},
        {"every": "week", "weekdays": (1, 1)},
        {"every": "week", "weekdays": (7,)},
        {"every": "month", "nth": 5, "weekdays": (1,)},
        {"every": "month", "nth": 1},
        {"every": "year", "nth": 1, "weekdays": (1,)},
        {"every": "month", "day": 32},
        {"every": "day", "count": 0},
        {"every": "day", "count": 10**9},
        {"every": "day", "hours": 3},
    ],
)
def test_no_other_rule_can_be_made(rule):
    with pytest.raises(ValidationError):
        Rule(**rule)


def rules():
    common = {
        "interval": st.integers(1, 999),
        "until": st.none() | st.dates(date(1970, 1, 1), date(9999, 12, 31)),
        "count": st.none() | st.integers(1, 100_000),
    }
    days = st.sets(st.integers(0, 6), min_size=1).map(lambda found: tuple(sorted(found)))
    one = st.integers(0, 6).map(lambda day: (day,))
    return st.one_of(
        st.fixed_dictionaries({"every": st.just("day"), **common}),
        st.fixed_dictionaries({"every": st.just("week"), "weekdays": days, **common}),
        st.fixed_dictionaries({"every": st.sampled_from(["month", "year"]), "day": st.integers(0, 31), **common}),
        st.fixed_dictionaries(
            {"every": st.just("month"), "nth": st.sampled_from([-1, 1, 2, 3, 4]), "weekdays": one, **common}
        ),
    ).map(lambda values: Rule(**values))


@given(
    rules(),
    st.datetimes(datetime(1970, 1, 1), datetime(2999, 12, 31)),
    st.datetimes(datetime(1970, 1, 1), datetime(3100, 1, 1)),
    st.sampled_from(ZONES),
)
@settings(max_examples=1000, deadline=None)
def test_whatever_the_rule_the_next_time_is_found_in_a_few_steps(rule, start, now, zone):
    """The work is counted in occurrences looked at, since a clock would tell of the machine."""
    looked_at = 0

    class Counted(Series):
        def __getitem__(self, index):
            nonlocal looked_at
            looked_at += 1
            return super().__getitem__(index)

    one = Plan(text="x", start=start, zone=zone, rule=rule)
    one.__dict__["series"] = Counted(one.start, rule)
    instant = now.replace(tzinfo=UTC)
    latest, coming = one.latest(instant), one.coming(instant, 2)
    assert looked_at < 100
    assert latest is None or one.moment(latest) <= instant
    assert all(one.moment(wall) > instant for wall in coming)
    assert coming == sorted(set(coming))
    if latest and coming:
        assert latest < coming[0]
    for wall in (latest, *coming):
        assert wall is None or (rule.until is None or wall.date() <= rule.until)
