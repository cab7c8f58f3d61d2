"""Grammars on the real model: what is accepted never reaches llama.cpp as nonsense, and replies keep to it."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_cpp import llama_cpp as L  # noqa: N812
from worker_turns import assistant, user

from chatapp.conversation.gbnf import GrammarError, check_grammar
from chatapp.conversation.json_schema import grammar_of_schema
from chatapp.conversation.message import StopReason
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.worker.grammar import ConstraintError

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "age": {"type": "integer"},
        "mood": {"enum": ["calm", "wild"]},
        "tags": {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 2},
    },
    "required": ["name", "mood"],
}
PIECES = [
    "root",
    "a",
    " ::= ",
    '"x"',
    "[a-z]",
    "(",
    ")",
    "|",
    "*",
    "+",
    "?",
    "{2,3}",
    "\n",
    " ",
    ".",
    '"\\n"',
    "#c",
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_llama_cpp_can_use_every_grammar_that_is_accepted(model, text):
    try:
        check_grammar("root ::= " + text)
    except GrammarError:
        return
    sampler = L.llama_sampler_init_grammar(model.vocabulary.pointer, ("root ::= " + text).encode(), b"root")
    assert sampler
    L.llama_sampler_free(sampler)


SCHEMAS = st.recursive(
    st.sampled_from(
        [{"type": "integer"}, {"type": "string", "maxLength": 3}, {"enum": ["x", 1]}, {"type": "null"}]
    ),
    lambda inner: (
        st.builds(lambda one: {"type": "array", "items": one, "minItems": 1, "maxItems": 3}, inner)
        | st.builds(
            lambda one, two, needed: {"properties": {"a": one, 'b"é\n': two}, "required": needed},
            inner,
            inner,
            st.sampled_from([[], ["a"], ['b"é\n'], ["a", 'b"é\n']]),
        )
        | st.builds(lambda *some: {"anyOf": list(some)}, inner, inner)
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SCHEMAS)
def test_llama_cpp_can_use_the_grammar_of_every_schema_that_is_accepted(model, schema):
    grammar = grammar_of_schema(json.dumps(schema))
    sampler = L.llama_sampler_init_grammar(model.vocabulary.pointer, grammar.encode(), b"root")
    assert sampler
    L.llama_sampler_free(sampler)


@pytest.mark.parametrize("temperature", [0.0, 0.8, 3.0])
def test_a_reply_that_ends_is_valid_by_the_schema(ask, temperature):
    options = SamplingSettings(json_schema=json.dumps(PERSON), temperature=temperature, max_tokens=120)
    reply = ask([user("Describe a person as JSON.")], options, seed=5)
    assert reply.finished.stop_reason is StopReason.END
    said = json.loads(reply.text)
    assert {"name", "mood"} <= set(said) <= set(PERSON["properties"])
    assert said["mood"] in {"calm", "wild"}
    assert len(said["name"]) <= 12
    assert all(isinstance(tag, bool) for tag in said.get("tags", [True]))


def test_a_reply_goes_on_inside_of_its_grammar(ask):
    options = SamplingSettings(grammar='root ::= "one, two, three, four, five."', max_tokens=4)
    first = ask([user("Count.")], options)
    rest = ask(
        [user("Count."), assistant(first.text, first.token_ids)],
        options.model_copy(update={"max_tokens": 30}),
        open_last=True,
        first_index=len(first.token_ids),
    )
    assert first.text + rest.text == "one, two, three, four, five."
    assert rest.finished.stop_reason is StopReason.END


def test_a_grammar_that_cannot_be_used_is_refused_before_llama_cpp_has_it(ask):
    broken = SamplingSettings.model_construct(**{**SamplingSettings().model_dump(), "grammar": 'root ::= "'})
    with pytest.raises(ConstraintError, match="line 1, column 10"):
        ask([user("Hi.")], broken)
    refused = SamplingSettings(grammar="root ::= <no-such-token>")
    with pytest.raises(ConstraintError, match="cannot use this grammar"):
        ask([user("Hi.")], refused)


def test_banned_words_are_never_said_whatever_tokens_they_are_spelt_with(ask):
    question = [user("Say: The blue sea is blue.")]
    plain = SamplingSettings(temperature=0, max_tokens=30)
    assert "blue" in ask(question, plain).text.casefold()
    banned = plain.model_copy(update={"banned_words": ("blue", "the")})
    text = ask(question, banned).text.casefold()
    assert text
    assert "blue" not in text
    assert "the" not in text


def test_a_bias_makes_a_token_certain_or_impossible(ask, model):
    token = model.vocabulary.tokenize("Sea")[0]
    for_it = SamplingSettings(temperature=0, max_tokens=1, logit_bias=((token, 100.0),))
    assert ask([user("Hi.")], for_it).token_ids == [token]
