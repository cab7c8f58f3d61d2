"""Reminders as a calendar file."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from chatapp import __version__
from chatapp.agenda.calendar.recurrence import to_rrule
from chatapp.agenda.reminder import Reminder, event_name


def to_ics(reminders: Iterable[Reminder], now: datetime) -> bytes:
    """The file: one event for each reminder, with its zone, its rule and an alarm at its time."""
    # It takes longer to import than all else in here.
    from icalendar import Alarm, Calendar, Event  # noqa: PLC0415

    calendar = Calendar()
    calendar.add("prodid", f"-//chatapp {__version__}//reminders//EN")
    calendar.add("version", "2.0")
    for one in reminders:
        event = Event()
        event.add("uid", event_name(one.uid))
        event.add("dtstamp", now.astimezone(UTC))
        event.add("created", datetime.fromtimestamp(one.created_ms / 1000, UTC))
        event.add("summary", one.text)
        event.add("dtstart", one.plan.series[0].replace(tzinfo=one.plan.place))
        if one.plan.rule is not None:
            event.add("rrule", to_rrule(one.plan))
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", one.text)
        alarm.add("trigger", timedelta(0))
        event.add_component(alarm)
        calendar.add_component(event)
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())
