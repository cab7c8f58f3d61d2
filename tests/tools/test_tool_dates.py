"""Arithmetic with days, from a Tuesday in November 2026."""

from contextlib import suppress
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.agenda.wording import day_in_words
from chatapp.tools.dates import NotADay, between, day_of, shifted

NOW = datetime(2026, 11, 24, 15, 0)
SHIFTS = [
    (("today", 90, "days"), "Monday 22 February 2027"),
    (("2024-01-31", 1, "months"), "Thursday 29 February 2024"),
    (("2024-02-29", 1, "years"), "Friday 28 February 2025"),
    (("next Friday", -3, "workdays"), "Tuesday 24 November 2026"),
    (("3 March 2020", 2, "weeks"), "Tuesday 17 March 2020"),
    (("yesterday", 0, "days"), "Monday 23 November 2026"),
    (("2026-12-31", -12, "months"), "Wednesday 31 December 2025"),
]


@pytest.mark.parametrize(("asked", "day"), SHIFTS)
def test_a_day_so_many_steps_away(asked, day):
    assert shifted(*asked, NOW).startswith(day)


def test_the_days_between_two_days_are_counted_in_both_directions():
    assert between("today", "2026-12-24", NOW) == (
        "From Tuesday 24 November 2026 to Thursday 24 December 2026:"
        " 30 days, 4 weeks and 2 days, 22 of them Monday to Friday."
    )
    assert ": -30 days, 4 weeks and 2 days" in between("2026-12-24", "today", NOW)


@pytest.mark.parametrize(
    "asked",
    [("foo", 1, "days"), ("every Monday", 1, "days"), ("today", 10**12, "years"), ("9999-12-31", 1, "workdays"),
     ("today", 10**6, "workdays"), ("today", 10**30, "days")],
)  # fmt: skip
def test_what_is_no_day_is_refused_with_a_sentence(asked):
    with pytest.raises(NotADay, match=r"\.$"):
        shifted(*asked, NOW)


@settings(deadline=None)
@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(-2000, 2000))
def test_workdays_back_and_forth_agree_with_counting(start, amount):
    day, left, step = start, abs(amount), 1 if amount > 0 else -1
    while left:
        day += timedelta(days=step)
        left -= day.weekday() < 5
    assert shifted(start.isoformat(), amount, "workdays", NOW).startswith(day_in_words(day) + " (")


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_words_name_a_day_or_are_refused(words):
    with suppress(NotADay):
        assert isinstance(day_of(words, NOW), date)
