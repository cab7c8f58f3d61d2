"""Macros: one pass over a fixed table, once, when a session starts."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from chatapp.conversation.persona import Example, Persona
from chatapp.personas import MACROS, MacroValues, expand, macro_spans

NOW = datetime(2026, 11, 3, 9, 5, tzinfo=UTC)
VALUES = MacroValues(user="Ada", model="SmolLM2 135M", now=NOW)


def expanded(text: str, values: MacroValues = VALUES) -> str:
    return expand(Persona(name="Kant", system=text), values).system


def test_each_macro_stands_for_its_value():
    assert expanded("{{user}}|{{char}}|{{model}}|{{date}}|{{time}}|{{weekday}}") == (
        "Ada|Kant|SmolLM2 135M|3 November 2026|09:05|Tuesday"
    )


def test_capitals_and_inner_blanks_do_not_matter():
    assert expanded("{{User}} {{ CHAR }}") == "Ada Kant"


def test_unknown_macros_stay_as_they_are():
    assert expanded("{{roll 1d6}} {{user {user} {{}}") == "{{roll 1d6}} {{user {user} {{}}"


def test_a_value_that_looks_like_a_macro_is_not_expanded_again():
    assert expanded("{{user}}", MacroValues("{{char}}{{user}}", "m", NOW)) == "{{char}}{{user}}"


def test_prompt_greeting_examples_and_prefill_are_expanded_and_nothing_else_changes():
    persona = Persona(
        name="K",
        description="{{user}}",
        greeting="Hi {{user}}",
        prefill="{{char}}:",
        examples=(Example(user="{{user}}?", assistant="{{char}}."),),
    )
    after = expand(persona, VALUES)
    assert (after.greeting, after.prefill, after.examples) == (
        "Hi Ada",
        "K:",
        (Example(user="Ada?", assistant="K."),),
    )
    assert after.description == "{{user}}"
    assert persona.greeting == "Hi {{user}}"


@given(st.lists(st.one_of(st.sampled_from([f"{{{{{m}}}}}" for m in MACROS]), st.text(max_size=8)), max_size=60))
def test_an_expansion_is_at_most_four_times_what_went_in(pieces: list[str]):
    text = "".join(pieces)
    values = MacroValues(user="long " * 100, model="m", now=NOW)
    sources = [values.user, "Kant", "m", "3 November 2026", "09:05", "Tuesday"]
    assert len(expanded(text, values)) <= 4 * (len(text) + sum(map(len, sources)))


def test_past_the_limit_macros_stay_and_no_other_text_is_lost():
    flood = expanded("{{user}}." * 1_000, MacroValues("x" * 10_000, "m", NOW))
    assert flood.count(".") == 1_000
    assert flood.endswith("{{user}}.")


def test_spans_are_those_of_the_macros_that_will_be_replaced():
    text = "Hi {{user}}, {{nobody}}, {{Date}}"
    assert [text[start:end] for start, end in macro_spans(text)] == ["{{user}}", "{{Date}}"]
