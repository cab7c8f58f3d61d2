"""Reminders in plain words, in four languages by our own reading and in others by dateparser's."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phrase_table import PHRASES

from chatapp.agenda.phrases import NotUnderstood, understand
from chatapp.agenda.planning import changed, planned
from chatapp.agenda.wording import rule_in_words

NOW = datetime(2026, 11, 24, 14, 30)


def meaning(phrase, now=NOW):
    try:
        said = understand(phrase, now)
    except NotUnderstood as error:
        return str(error)
    return f"{said.start:%a %Y-%m-%d %H:%M} | {rule_in_words(said.rule, said.start)} | {said.text}"


@pytest.mark.parametrize(("phrase", "meant"), PHRASES, ids=[phrase for phrase, _ in PHRASES])
def test_a_phrase_means_what_the_table_says(phrase, meant):
    assert meaning(phrase) == meant


def test_the_table_is_long_enough_to_choose_by():
    assert len(PHRASES) > 100


@pytest.mark.parametrize(
    "phrase", ["in 20 minutes tea", "3 December at 9 gym", "am Freitag um 17 Uhr Anna anrufen"]
)
def test_the_date_library_is_loaded_only_for_other_languages(phrase):
    code = (
        "import sys, datetime\n"
        "from chatapp.agenda.phrases import understand\n"
        f"understand({phrase!r}, datetime.datetime(2026, 11, 24, 14, 30))\n"
        "sys.exit('dateparser' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


PIECES = """
every on in at the first last next 3 31 99 24:61 25 0 999 9999 Monday May February 29 30 31. minutes days years
times months Uhr um jeden ersten bis until h à las media cada 12/31 31/31 31.2. 2026-02-30 half past -1 . , ² ٣
other of week
"""
WORDS = st.sampled_from([*PIECES.split(), "\x1f"])


def sentence_of(error):
    return str(error).endswith(".")


@given(st.lists(WORDS, max_size=12).map(" ".join) | st.text(max_size=80))
@settings(max_examples=600, deadline=None)
def test_whatever_is_typed_is_a_time_to_come_or_a_sentence(phrase):
    try:
        said = understand(phrase, NOW)
    except NotUnderstood as error:
        if sentence_of(error):
            return
        raise
    assert said.text
    assert "\x1f" not in said.text
    assert said.rule or said.start >= NOW - timedelta(minutes=1) or "2026" in phrase or "/" in phrase


@pytest.mark.parametrize(("second", "minute"), [(0, 31), (5, 31), (29, 31), (40, 32), (59, 32)])
def test_a_span_ends_on_the_nearest_minute(second, minute):
    said = understand("in 1 minute look up", NOW.replace(second=second))
    assert said.start == NOW.replace(minute=minute)


@pytest.mark.parametrize(
    ("now", "phrase", "start"),
    [
        (datetime(2026, 12, 3, 11), "on 3 December at 10:30 call home", datetime(2027, 12, 3, 10, 30)),
        (datetime(2026, 12, 3, 10), "on 3 December at 10:30 call home", datetime(2026, 12, 3, 10, 30)),
        (datetime(2028, 2, 29, 11), "on 29 February at 10:30 call home", datetime(2032, 2, 29, 10, 30)),
    ],
)
def test_a_date_without_a_year_whose_time_has_passed_today_is_the_next_one(now, phrase, start):
    assert understand(phrase, now).start == start


@given(st.datetimes(datetime(2026, 1, 1), datetime(2032, 12, 31)), st.sampled_from(PHRASES))
@settings(max_examples=300, deadline=None)
def test_on_whatever_day_it_is_said_it_is_still_to_come(now, row):
    phrase, meant = row
    if "|" not in meant or any(year in phrase for year in ("2026", "2027")):
        return
    said = understand(phrase, now)
    assert said.start > now - timedelta(minutes=1)
    assert said.start.second == 0


@pytest.mark.parametrize(
    ("before", "phrase", "start", "repeats"),
    [
        ("tomorrow at 9 pay", "at 8", datetime(2026, 11, 25, 8), False),
        ("tomorrow at 20:00 pay", "on Friday", datetime(2026, 11, 27, 20), False),
        ("every day at 9 pay", "at 10", datetime(2026, 11, 25, 10), True),
        ("tomorrow at 9 pay", "on Friday at 11", datetime(2026, 11, 27, 11), False),
    ],
)
def test_what_is_not_said_anew_stays_as_it_was(before, phrase, start, repeats):
    now = datetime(2026, 11, 24, 16, 30, tzinfo=UTC)
    plan = changed(planned(before, now, "UTC"), phrase, now)
    assert (plan.start, plan.rule is not None, plan.text) == (start, repeats, "pay")
