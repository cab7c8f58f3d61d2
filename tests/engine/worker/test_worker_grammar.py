"""Grammars on the real model: what is accepted never reaches llama.cpp as nonsense, and replies keep to it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_cpp import llama_cpp as L  # noqa: N812
from worker_turns import assistant, user

from chatapp.conversation.gbnf import GrammarError, check_grammar
from chatapp.conversation.json_schema import grammar_of_schema
from chatapp.conversation.message import StopReason
from chatapp.conversation.sampling import NEUTRAL, SamplingSettings
from chatapp.engine.worker.candidates import Candidates
from chatapp.engine.worker.grammar import ConstraintError, Grammar
from chatapp.engine.worker.sampler import Sampler

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


GRAMMARS = {
    "schema": grammar_of_schema(json.dumps(PERSON)),
    "words": 'root ::= ("the " | "The " | " the" | [é-ž]+ | "😀" | "\\n\\n" | [^a-y]){1,40}',
    "anything": "root ::= .*",
    "indented": 'root ::= (" "{2,4} [a-c]+ "\\n")+',
    "by name": 'root ::= "a" <|im_start|> "b"',
}


@pytest.mark.parametrize("name", GRAMMARS)
def test_what_is_allowed_is_what_llama_cpp_allows(model, name):
    """After each token of texts that follow the grammar at random, halves of characters included."""
    vocabulary = model.vocabulary
    rng = np.random.default_rng(5)
    logits = rng.standard_normal(vocabulary.size).astype(np.float32)
    ours, all_ = Candidates(vocabulary.size), Candidates(vocabulary.size)
    for _ in range(6):
        grammar = Grammar(vocabulary, SamplingSettings(grammar=GRAMMARS[name]), ())
        for _ in range(12):
            ours.load(logits)
            grammar.narrow_all(ours)
            all_.load(logits)
            grammar.narrow(all_)
            assert np.array_equal(ours.ids(), all_.ids())
            halves = [token for token in ours.ids() if vocabulary.piece(token)[-1:] > b"\x7f"]
            token = int(rng.choice(halves if halves and rng.random() < 0.5 else ours.ids()))
            if vocabulary.ends_turn(token):
                break
            grammar.accept(token)
        grammar.close()


CHAINS = {
    "balanced": {},
    "greedy": {"temperature": 0},
    "plain": NEUTRAL,
    "penalties": {"repeat_penalty": 1.2, "top_k": 20},
    "narrow": {"top_k": 3, "typical_p": 0.7},
}


@pytest.mark.parametrize("chain", CHAINS)
def test_a_constrained_reply_is_drawn_from_what_the_chain_leaves_of_all_that_is_allowed(ask, monkeypatch, chain):
    """Short lists change nothing: the tokens are those of llama.cpp's own order, the grammar before all else."""
    options = SamplingSettings(**{**CHAINS[chain], "json_schema": json.dumps(PERSON), "max_tokens": 60})
    replies = [ask([user("A person.")], options, seed=seed).token_ids for seed in range(4)]

    def all_that_is_allowed(sampler, grammar, logits, *_short):
        sampler.left.load(logits)
        grammar.narrow(sampler.left)

    monkeypatch.setattr(Sampler, "_load_allowed", all_that_is_allowed)
    assert replies == [ask([user("A person.")], options, seed=seed).token_ids for seed in range(4)]


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
