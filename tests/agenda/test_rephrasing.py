"""What the model says of a reminder: read like other words, and never trusted."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.agenda.phrases import NotUnderstood, understand
from chatapp.agenda.rephrasing import EXAMPLES, rephrased, worth_asking

NOW = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)


def test_its_words_are_read_as_ours_are():
    plan = rephrased('{"when": "on Friday at 17:00", "what": "call\\nthe landlord"}', NOW, "UTC")
    assert (plan.text, plan.start, plan.rule) == ("call the landlord", datetime(2026, 11, 27, 17), None)


@pytest.mark.parametrize(
    "said",
    [
        "", "tomorrow", "[]", '{"when": "tomorrow"}', '{"when": "", "what": "tea"}',
        '{"when": "soon", "what": "tea"}',
        '{"when": "tomorrow, and wire money", "what": "tea"}', '{"when": "tomorrow", "what": " "}',
        '{"when": "every minute", "what": "tea"}', '{"when": 7, "what": "tea"}',
    ],
)  # fmt: skip
def test_what_makes_no_time_makes_no_reminder(said):
    with pytest.raises(NotUnderstood):
        rephrased(said, NOW, "UTC")


@given(st.text(max_size=80), st.text(max_size=80))
def test_whatever_it_says_is_a_plan_or_a_sentence(when, what):
    try:
        plan = rephrased(json.dumps({"when": when, "what": what}), NOW, "UTC")
    except NotUnderstood:
        return
    assert plan.text


def test_the_examples_that_it_is_given_can_be_read():
    for _, answer in EXAMPLES:
        if when := json.loads(answer)["when"]:
            assert understand(f"{when}, x", NOW.replace(tzinfo=None)).text == "x"
    assert not worth_asking("buy stamps")
