"""A reminder over its life: due once, late when it was missed, put off, done, and told by nobody twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import apsw
import pytest

from chatapp.agenda.reminder import Plan
from chatapp.agenda.rules import Rule
from chatapp.agenda.wording import distance_in_words, facts, rule_in_words, short_when, zone_in_words
from chatapp.store import NoSuchReminder, NotSaved, Store

DAILY = Rule(every="day")


def plan(start="2026-11-24T09:00", rule=None, zone="UTC", text="water the plants"):
    return Plan(text=text, start=datetime.fromisoformat(start), zone=zone, rule=rule)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
async def store(tmp_path):
    store = await Store.open(tmp_path / "chats.db")
    yield store
    await store.close()


async def told(store, now):
    return [
        (due.reminder.text, f"{due.occurrence:%m-%d}", due.late) for due in await store.agenda.claim_due(at(now))
    ]


async def test_it_is_told_once_at_its_time(store):
    await store.agenda.add(plan())
    assert await told(store, "2026-11-24T08:59") == []
    assert await told(store, "2026-11-24T09:00") == [("water the plants", "11-24", False)]
    assert await told(store, "2026-11-24T09:00") == []
    assert await told(store, "2027-11-24T09:00") == []


async def test_what_was_missed_for_three_days_is_told_once_and_late(store):
    await store.agenda.add(plan(rule=DAILY))
    assert await told(store, "2026-11-27T08:00") == [("water the plants", "11-26", True)]
    assert await told(store, "2026-11-27T08:30") == []
    assert await told(store, "2026-11-27T09:01") == [("water the plants", "11-27", False)]


async def test_two_programs_never_tell_the_same(tmp_path):
    stores = [await Store.open(tmp_path / "chats.db") for _ in range(3)]
    for number in range(20):
        await stores[0].agenda.add(plan(text=f"number {number}"))
    heard = await asyncio.gather(*(store.agenda.claim_due(at("2026-11-24T09:00")) for store in stores))
    assert sorted(due.reminder.text for part in heard for due in part) == sorted(f"number {n}" for n in range(20))
    for store in stores:
        await store.close()


async def test_a_clock_that_went_back_tells_nothing_twice(store):
    await store.agenda.add(plan(rule=DAILY))
    assert len(await told(store, "2026-11-24T09:00")) == 1
    assert await told(store, "2026-11-24T08:30") == []
    assert await told(store, "2026-11-24T09:00") == []


async def test_a_clock_that_was_80_years_ahead_does_not_silence_what_comes(store):
    await store.agenda.add(plan(rule=DAILY))
    await store.agenda.add(plan(start="2030-01-01T09:00", text="later"))
    assert len(await told(store, "2106-01-01T00:00")) == 2
    assert await told(store, "2026-11-24T12:00") == []
    assert await told(store, "2026-11-25T09:00") == [("water the plants", "11-25", False)]
    assert await told(store, "2030-01-01T09:00") == [
        ("water the plants", "01-01", False),
        ("later", "01-01", False),
    ]


async def test_put_off_it_comes_again_once(store):
    one = await store.agenda.add(plan())
    await told(store, "2026-11-24T09:00")
    one = await store.agenda.reminder(one.uid)
    assert one.open_since(at("2026-11-24T09:05"))
    await store.agenda.put(replace(one, snoozed=at("2026-11-24T10:00")))
    assert await told(store, "2026-11-24T09:30") == []
    assert len(await told(store, "2026-11-24T10:00")) == 1
    assert await told(store, "2026-11-24T10:01") == []


async def test_the_next_time_is_told_though_the_last_was_put_off_beyond_it(store):
    one = await store.agenda.add(plan(rule=DAILY))
    await told(store, "2026-11-24T09:00")
    await store.agenda.put(replace(await store.agenda.reminder(one.uid), snoozed=at("2026-11-25T12:00")))
    assert await told(store, "2026-11-25T09:00") == [("water the plants", "11-25", False)]
    assert await told(store, "2026-11-25T12:00") == []


async def test_done_before_its_time_it_is_not_told(store):
    one = await store.agenda.add(plan(rule=DAILY))
    await store.agenda.put(replace(one, done=datetime(2026, 11, 24, 9)))
    assert await told(store, "2026-11-24T10:00") == []
    one = await store.agenda.reminder(one.uid)
    assert one.next(at("2026-11-24T08:00")) == at("2026-11-25T09:00")
    assert not one.over(at("2026-11-24T08:00"))
    assert await told(store, "2026-11-25T09:00") == [("water the plants", "11-25", False)]


async def test_deleted_and_brought_back(store):
    one = await store.agenda.add(plan())
    await store.agenda.put(replace(one, deleted=True))
    assert (await store.agenda.reminders(), await told(store, "2026-11-24T09:00")) == ([], [])
    await store.agenda.put(replace(await store.agenda.reminder(one.uid[:6]), deleted=False))
    assert await told(store, "2026-11-24T09:00") == [("water the plants", "11-24", False)]


@pytest.mark.parametrize("name", ["", "*", "zzz", "[a-z]"])
async def test_a_name_that_nobody_has(store, name):
    await store.agenda.add(plan())
    with pytest.raises(NoSuchReminder):
        await store.agenda.reminder(name)


async def test_the_wall_stays_where_it_is_when_the_zone_changes_its_offset(store):
    await store.agenda.add(plan(start="2027-03-27T09:00", rule=DAILY, zone="Europe/Berlin"))
    assert len(await told(store, "2027-03-27T08:00")) == 1
    assert await told(store, "2027-03-28T06:59") == []
    assert len(await told(store, "2027-03-28T07:00")) == 1


async def test_a_zone_that_this_machine_lost_hides_no_reminder(tmp_path):
    store = await Store.open(tmp_path / "chats.db")
    await store.agenda.add(plan())
    await store.close()
    with apsw.Connection(str(tmp_path / "chats.db")) as connection:
        connection.execute("UPDATE reminder SET zone = 'Mars/Olympus'")
    connection.close()
    store = await Store.open(tmp_path / "chats.db")
    assert len(await told(store, "2026-11-24T09:00")) == 1
    await store.close()


async def test_notes_are_kept_found_and_brought_back(store):
    note = await store.agenda.add_note("Ferry to Århus\nleaves at 8")
    await store.agenda.add_note("boiler: call Ms Okafor")
    assert [one.title for one in await store.agenda.notes()] == ["boiler: call Ms Okafor", "Ferry to Århus"]
    assert [one.uid for one in await store.agenda.search_notes("arhus ferr")] == [note.uid]
    assert await store.agenda.search_notes('" OR *') == []
    await store.agenda.delete_note(note)
    assert await store.agenda.search_notes("ferry") == []
    await store.agenda.restore_note(await store.agenda.note(note.uid))
    assert len(await store.agenda.notes()) == 2
    with pytest.raises(NotSaved, match="100,000"):
        await store.agenda.add_note("x" * 100_001)


# In words ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "start", "said"),
    [
        (None, "2026-11-24", "once"),
        ({"every": "day"}, "2026-11-24", "every day"),
        ({"every": "day", "interval": 3}, "2026-11-24", "every 3rd day"),
        ({"every": "week", "weekdays": (0, 1, 2, 3, 4)}, "2026-11-24", "every week from Monday to Friday"),
        ({"every": "week", "weekdays": (1, 3, 6)}, "2026-11-24", "every week on Tuesday, Thursday and Sunday"),
        ({"every": "week", "weekdays": (1,), "interval": 2}, "2026-11-24", "every 2nd week on Tuesday"),
        ({"every": "month"}, "2026-11-01", "every month on the 1st"),
        ({"every": "month"}, "2026-10-31", "every month on the 31st, or the month's last day"),
        ({"every": "month", "nth": 1, "weekdays": (0,)}, "2026-11-02", "every first Monday of the month"),
        (
            {"every": "month", "nth": -1, "weekdays": (4,), "interval": 3},
            "2026-11-27",
            "every 3rd month on the last Friday",
        ),
        ({"every": "year"}, "2024-02-29", "every year on 29 February, or the 28th"),
        ({"every": "year", "count": 3}, "2026-12-24", "every year on 24 December, 3 times"),
        ({"every": "day", "until": "2026-12-24"}, "2026-11-24", "every day, until 24 December 2026"),
    ],
)
def test_a_rule_in_words(rule, start, said):
    assert rule_in_words(Rule(**rule) if rule else None, datetime.fromisoformat(start)) == said


def test_the_facts_of_a_preview_say_weekday_date_time_zone_and_what_comes_then():
    one = plan("2026-11-27T17:00", Rule(every="week", weekdays=(4,)), "Europe/Berlin")
    assert dict(facts(one, at("2026-11-24T12:00"))) == {
        "what": "water the plants",
        "when": "Friday 27 November 2026, 17:00",
        "zone": "Europe/Berlin (UTC+01:00)",
        "repeats": "every week on Friday",
        "then": "4 Dec 17:00,  11 Dec 17:00,  18 Dec 17:00",
    }


def test_the_preview_says_when_clocks_skip_the_time_and_when_it_has_passed():
    one = plan("2027-03-28T02:30", zone="Europe/Berlin")
    assert ("", "Clocks skip that time: it will be 03:00.") in facts(one, at("2026-11-24T12:00"))
    assert ("", "This time has passed already.") in facts(one, at("2028-11-24T12:00"))


def test_short_words_for_times_and_distances():
    now = datetime(2026, 11, 24, 14, 30)
    said = [short_when(now + delta, now.date()) for delta in map(timedelta, (0, 1, 7, 60, -1))]
    assert said == ["14:30", "Wed 14:30", "1 Dec 14:30", "23 Jan 2027 14:30", "23 Nov 14:30"]
    base = at("2026-11-24T14:30")
    spans = {20: "in 20 minutes", 60: "in 60 minutes", 120: "in 2 hours", 2880: "in 2 days", -1: "1 minute ago"}
    assert {minutes: distance_in_words(base + timedelta(minutes=minutes), base) for minutes in spans} == spans
    assert zone_in_words("America/St_Johns", now) == "America/St_Johns (UTC-03:30)"
