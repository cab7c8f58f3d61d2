"""Reminders through calendar files: what we write comes back the same, and what a stranger wrote harms nobody."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar
from test_rules import rules

from chatapp.agenda.calendar import NotACalendar, from_ics, to_ics
from chatapp.agenda.reminder import Plan, Reminder
from chatapp.agenda.rules import Rule
from chatapp.store import Store

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def reminder(rule=None, start="2026-11-27T17:00", text="call the landlord", zone="Europe/Berlin"):
    plan = Plan(text=text, start=datetime.fromisoformat(start), zone=zone, rule=Rule(**rule) if rule else None)
    return Reminder(1, "abcdefgh", plan)


def calendar(*lines, begin="VEVENT"):
    body = "\r\n".join([f"BEGIN:{begin}", "UID:1", "SUMMARY:tea", *lines, f"END:{begin}"])
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{body}\r\nEND:VCALENDAR\r\n".encode()


def read(data):
    return from_ics(data, NOW, "Europe/Berlin")


def test_a_file_names_zone_rule_alarm_and_comes_back_the_same():
    one = reminder({"every": "month", "nth": 1, "weekdays": (0,)})
    data = to_ics([one], NOW)
    (event,) = Calendar.from_ical(data).walk("VEVENT")
    assert event["DTSTART"].params["TZID"] == "Europe/Berlin"
    assert event["RRULE"].to_ical() == b"FREQ=MONTHLY;BYDAY=1MO"
    assert len(event.walk("VALARM")) == 1
    assert b"BEGIN:VTIMEZONE" in data
    ((plan, name),) = read(data).plans
    assert (plan.text, plan.zone, plan.rule, name) == (one.text, one.plan.zone, one.plan.rule, "abcdefgh@chatapp")
    assert plan.series[0] == one.plan.series[0]


@given(rules(), st.datetimes(datetime(2020, 1, 1), datetime(2030, 12, 31)), st.text(min_size=1, max_size=60))
@settings(max_examples=300, deadline=None)
def test_whatever_we_write_fires_at_the_same_times_when_it_is_read_again(rule, start, text):
    if rule.until and rule.until < date(2031, 1, 1):
        rule = rule.model_copy(update={"until": None})
    if not text.split() or "\0" in text:
        text = "x"
    one = Reminder(1, "abcdefgh", Plan(text=text, start=start, zone="UTC", rule=rule))
    if len(one.plan.series) == 0 or one.plan.series[0].year > 2999:
        return
    imported = from_ics(to_ics([one], NOW), datetime(1999, 1, 1, tzinfo=UTC), "UTC")
    assert imported.warnings == []
    ((plan, _),) = imported.plans
    count = min(len(plan.series), len(one.plan.series), 30)
    assert [plan.series[i] for i in range(count)] == [one.plan.series[i] for i in range(count)]
    if (rule.count or 99) <= count:
        assert len(plan.series) == len(one.plan.series)


@pytest.mark.parametrize(
    ("lines", "start", "zone"),
    [
        (["DTSTART;TZID=America/New_York:20261127T170000"], "2026-11-27T17:00", "America/New_York"),
        (["DTSTART;TZID=W. Europe Standard Time:20261127T170000"], "2026-11-27T17:00", "Europe/Berlin"),
        (["DTSTART;TZID=/mozilla.org/20050126_1/Asia/Tokyo:20261127T170000"], "2026-11-27T17:00", "Asia/Tokyo"),
        (["DTSTART:20261127T170000Z"], "2026-11-27T17:00", "UTC"),
        (["DTSTART:20261127T170000"], "2026-11-27T17:00", "Europe/Berlin"),
        (["DTSTART;VALUE=DATE:20261127"], "2026-11-27T09:00", "Europe/Berlin"),
    ],
)
def test_a_time_is_taken_in_the_zone_that_it_names(lines, start, zone):
    ((plan, _),) = read(calendar(*lines)).plans
    assert (plan.start, plan.zone) == (datetime.fromisoformat(start), zone)


def test_a_task_is_due_when_it_says():
    ((plan, _),) = read(calendar("DUE:20261201T100000", begin="VTODO")).plans
    assert plan.start == datetime(2026, 12, 1, 10)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["DTSTART:20261127T170000", "RRULE:FREQ=SECONDLY"], "repeats secondly, which reminders do not"),
        (["DTSTART:20261127T170000", "RRULE:FREQ=DAILY;BYHOUR=1,2,3"], "uses BYHOUR"),
        (["DTSTART:20261127T170000", "RRULE:FREQ=DAILY;INTERVAL=5000"], "interval out of range"),
        (["DTSTART:20261127T170000", "RRULE:FREQ=MONTHLY;BYDAY=MO,TU"], "more than one weekday"),
        (["DTSTART:20261127T170000", "RRULE:FREQ=MONTHLY;BYDAY=5MO"], "in a way of its own"),
        (["DTSTART:20261127T170000", "RRULE:FREQ=YEARLY;BYMONTH=1,2,3"], "names months"),
        (["DTSTART:20261127T170000", "RRULE:FREQ=YEARLY;BYWEEKNO=20"], "uses BYWEEKNO"),
        (["DTSTART:20261127T170000", "RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY"], "more than one rule"),
        (["DTSTART;TZID=Mars/Olympus:20261127T170000"], "names a time zone that is not known here"),
        (["DTSTART:20261127T170000", "STATUS:CANCELLED"], "was called off"),
        (["DTSTART:20261127T170000", "RECURRENCE-ID:20261127T170000"], "changes one day of a series"),
        (["DTSTART:99991231T235900"], "start that cannot be kept"),
        ([], "does not say when"),
    ],
)
def test_what_cannot_be_a_reminder_is_left_out_with_a_sentence(lines, reason):
    imported = read(calendar(*lines))
    assert imported.plans == []
    (sentence,) = imported.warnings
    assert sentence.startswith("‘tea’ ")
    assert reason in sentence
    assert sentence.endswith("it was left out.")


def test_what_is_over_is_counted_and_a_series_goes_on():
    assert read(calendar("DTSTART:20201127T170000")).past == 1
    imported = read(calendar("DTSTART:20201127T170000", "RRULE:FREQ=DAILY", "EXDATE:20261225T170000"))
    assert len(imported.plans) == 1
    assert "exceptions" in imported.warnings[0]


async def test_imported_twice_it_is_there_once_and_what_lies_behind_is_not_told():
    store = await Store.temporary()
    plans = read(calendar("DTSTART:20201127T170000", "RRULE:FREQ=DAILY")).plans
    assert len(await store.agenda.add_events(plans, NOW)) == 1
    assert await store.agenda.add_events(plans, NOW) == []
    assert await store.agenda.claim_due(NOW) == []
    assert len(await store.agenda.claim_due(NOW + timedelta(days=1))) == 1
    own = await store.agenda.add(reminder().plan)
    again = from_ics(to_ics([own], NOW), NOW, "UTC").plans
    assert await store.agenda.add_events(again, NOW) == []
    await store.close()


EVENT = b"BEGIN:VEVENT\r\nUID:%d\r\nDTSTART:20261127T170000\r\nSUMMARY:x\r\nEND:VEVENT\r\n"
HOSTILE = {
    "empty": b"",
    "zeros": b"\0" * 4096,
    "a picture": b"\x89PNG\r\n\x1a\n" + b"\xff" * 100,
    "too large": b"BEGIN:VCALENDAR\r\n" + b"X" * (3 * 2**20),
    "too many": b"BEGIN:VCALENDAR\r\n" + b"".join(EVENT % n for n in range(1001)) + b"END:VCALENDAR\r\n",
    "no end": b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:x",
    "wrong end": b"BEGIN:VCALENDAR\r\nEND:VEVENT\r\n",
    "no colon": b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART\r\nEND:VEVENT\r\nEND:VCALENDAR",
    "bad date": calendar("DTSTART:20261399T990000"),
    "bad bytes": b"BEGIN:VCALENDAR\r\n\xff\xfe\xfd:\xff\r\nEND:VCALENDAR\r\n",
    "deep": b"BEGIN:VCALENDAR\r\n" + b"BEGIN:VEVENT\r\n" * 900,
    "bad rule": calendar("DTSTART:20261127T170000", "RRULE:FREQ=;;;=,,BYDAY"),
    "bad rule 2": calendar("DTSTART:20261127T170000", "RRULE:FREQ=DAILY;COUNT=-1;UNTIL=x"),
    "huge rule": calendar("DTSTART:20261127T170000", "RRULE:FREQ=DAILY;BYMONTHDAY=" + "1," * 200_000 + "1"),
    "bomb of a zone": calendar("DTSTART;TZID=Bomb:20261127T170000").replace(
        b"BEGIN:VEVENT",
        b"BEGIN:VTIMEZONE\r\nTZID:Bomb\r\nBEGIN:STANDARD\r\nDTSTART:19010101T000000\r\nTZOFFSETFROM:+0100\r\n"
        b"TZOFFSETTO:+0200\r\nRRULE:FREQ=SECONDLY\r\nEND:STANDARD\r\nEND:VTIM\r\n EZONE\r\nBEGIN:VEVENT",
        1,
    ),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.timeout(20)
def test_a_hostile_file_is_a_sentence_or_a_warning(data):
    try:
        imported = read(data)
    except NotACalendar as error:
        assert str(error)[-1] == "."  # noqa: PT017
        return
    assert imported.plans == []


def test_what_a_title_hides_is_not_shown():
    ((plan, _),) = read(
        calendar("DTSTART:20261127T170000").replace(b"tea", b"\x1b]52;c;aGk=\x07 te\xe2\x80\xaea")
    ).plans
    assert "\n" not in plan.text
    imported = read(calendar("SUMMARY:x").replace(b"tea", b"\x1b[2Jtea"))
    assert "\x1b" not in imported.warnings[0]


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_bytes_in_a_calendar_are_a_sentence_or_warnings(noise):
    for data in (noise, calendar("DTSTART:20261127T170000").replace(b"SUMMARY:tea", noise)):
        try:
            read(data)
        except NotACalendar:
            continue
