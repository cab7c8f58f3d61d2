"""When a reminder must fire, worked out by another way than the program's: day by day, and minute by minute.

Zones: one of the north and one of the west, one that changes by half an hour, one that lost a day at the date
line, one that changes at midnight, and one that never changes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Santiago",
    "Asia/Kolkata",
)
YEARS = range(2010, 2030)
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(7)


def week(*days, **more):
    return {"every": "week", "weekdays": days, **more}


def nth(place, day, **more):
    return {"every": "month", "nth": place, "weekdays": (day,), **more}


# (first day, time of day, rule): times stand where clocks change in one zone or another.
CASES = [
    ("2010-01-01", "02:30", {"every": "day"}),
    ("2010-01-01", "02:00", {"every": "day"}),
    ("2010-01-01", "00:00", {"every": "day"}),
    ("2010-01-01", "00:30", {"every": "day"}),
    ("2010-01-01", "01:59", {"every": "day"}),
    ("2010-01-01", "03:00", {"every": "day"}),
    ("2010-01-01", "23:59", {"every": "day"}),
    ("2010-01-01", "02:15", {"every": "day", "interval": 2}),
    ("2010-01-02", "02:30", {"every": "day", "interval": 7}),
    ("2010-01-01", "12:00", {"every": "day", "interval": 999}),
    ("2010-01-01", "02:30", {"every": "day", "count": 500}),
    ("2010-03-01", "01:30", {"every": "day", "until": "2010-11-30"}),
    ("2010-01-03", "02:30", week(SUNDAY)),
    ("2010-01-03", "00:00", week(SUNDAY)),
    ("2010-01-02", "23:45", week(SATURDAY)),
    ("2010-01-04", "09:00", week(MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY)),
    ("2010-01-01", "02:30", week(SATURDAY, SUNDAY)),
    ("2010-01-06", "08:00", week(MONDAY, WEDNESDAY, interval=2)),
    ("2010-01-05", "02:01", week(SUNDAY, interval=3)),
    ("2010-01-04", "07:00", week(MONDAY, count=10)),
    ("2010-01-03", "02:30", week(SUNDAY, until="2015-06-30")),
    ("2010-01-31", "09:00", {"every": "month"}),
    ("2010-01-30", "09:00", {"every": "month"}),
    ("2010-01-29", "09:00", {"every": "month"}),
    ("2010-02-28", "09:00", {"every": "month", "day": 31}),
    ("2010-01-28", "02:30", {"every": "month"}),
    ("2010-01-31", "10:00", {"every": "month", "interval": 13}),
    ("2010-01-31", "10:00", {"every": "month", "count": 30}),
    ("2010-01-01", "09:00", nth(1, MONDAY)),
    ("2010-01-01", "02:30", nth(2, SUNDAY)),
    ("2010-01-01", "02:30", nth(-1, SUNDAY)),
    ("2010-01-01", "01:15", nth(1, SUNDAY)),
    ("2010-01-01", "18:00", nth(4, THURSDAY, interval=12)),
    ("2010-01-31", "06:00", nth(-1, FRIDAY, interval=5)),
    ("2012-02-29", "08:00", {"every": "year"}),
    ("2012-02-29", "08:00", {"every": "year", "interval": 4}),
    ("2010-03-28", "02:30", {"every": "year"}),
    ("2010-10-31", "01:30", {"every": "year"}),
    ("2011-12-30", "12:00", {"every": "year"}),
    ("2011-12-30", "12:00", None),
]


def walls(first, clock, rule):
    """The wall times of a case in 20 years, found by looking at every day."""
    rule = rule or {"every": "day", "count": 1}
    start = datetime.fromisoformat(f"{first}T{clock}")
    found = []
    day = start
    while day.year in YEARS:
        if _falls_on(day, start, rule) and not (rule.get("until") and day.date().isoformat() > rule["until"]):
            found.append(day)
        day += timedelta(days=1)
    return found[: rule.get("count")]


def _falls_on(day, start, rule):
    interval = rule.get("interval", 1)
    months = (day.year - start.year) * 12 + day.month - start.month
    last = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    meant = min(rule.get("day") or start.day, last.day)
    match rule["every"]:
        case "day":
            return (day - start).days % interval == 0
        case "week":
            weeks = (day - timedelta(days=day.weekday()) - (start - timedelta(days=start.weekday()))).days // 7
            return day.weekday() in rule["weekdays"] and weeks % interval == 0
        case "month" if rule.get("nth"):
            if day.weekday() != rule["weekdays"][0] or months % interval:
                return False
            place = -1 if (day + timedelta(days=7)).month != day.month else (day.day - 1) // 7 + 1
            return rule["nth"] == place or (rule["nth"] > 0 and rule["nth"] == (day.day - 1) // 7 + 1)
        case "month":
            return months % interval == 0 and day.day == meant
        case "year":
            return months % (12 * interval) == 0 and day.day == meant


class Clock:
    """A wall clock of a zone: the first moment that it shows a time or, where it never does, a later one."""

    def __init__(self, name):
        self._zone = ZoneInfo(name)

    def moment(self, wall):
        # Offsets are whole minutes, none is over 15 hours, and no change skips more than a day.
        guess = wall.replace(tzinfo=UTC)
        offsets = {
            (guess + timedelta(hours=hours)).astimezone(self._zone).utcoffset() for hours in range(-40, 41, 2)
        }
        exact = sorted(guess - offset for offset in offsets if self._shows(guess - offset) == wall)
        if exact:
            return exact[0]
        low, high = guess - max(offsets), guess - min(offsets)
        while self._shows(low) < wall:  # the clock only goes forward in here
            low += timedelta(minutes=1)
            assert low <= high
        return low

    def _shows(self, instant):
        return instant.astimezone(self._zone).replace(tzinfo=None, fold=0)
