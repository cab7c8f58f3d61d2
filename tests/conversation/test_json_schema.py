"""Schemas become grammars, or are refused with the place and the reason: nothing is left out in silence."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.conversation.json_schema import GrammarError, grammar_of_schema

REFUSED = [
    ('{"type": ', "line 1, column 10: this is no JSON"),
    ("[1]", "#: a schema is an object, or true"),
    ({"type": "string", "maxLength": 2000}, "#: ‘maxLength’ 2,000 is more than 500"),
    ({"type": "integer", "minimum": 3}, "‘minimum’ cannot be kept to by a grammar"),
    ({"type": "string", "pattern": "^a$"}, "‘pattern’ cannot be kept to"),
    ({"type": "thing"}, "‘type’ must be one of"),
    ({"$ref": "https://example.org/a"}, "may only point into the schema itself"),
    ({"$ref": "#/nothing"}, "points to #/nothing, which is not there"),
    ({"$ref": "#"}, "begins with itself"),
    ({"anyOf": []}, "not an empty one"),
    ({"enum": []}, "must be a list of 1"),
    ({"type": "array", "minItems": None}, "#: ‘minItems’ must be a whole number"),
    (
        {"properties": {"a": {"type": "array", "maxItems": -1}}},
        "#/properties/a: ‘maxItems’ must be a whole number",
    ),
    ({"properties": {"a": True}, "required": ["b"]}, "‘b’ is required, but not among the properties"),
    ({"properties": {f"p{n}": True for n in range(40)}}, "more than 30 optional properties"),
    ({"allOf": [{}, {}]}, "‘allOf’ of more than one"),
    ({"type": "string", "format": "email"}, "the format ‘email’ is not known"),
    ({"enum": list(range(3000))}, "must be a list"),
]


@pytest.mark.parametrize(("schema", "sentence"), REFUSED)
def test_what_a_grammar_cannot_promise_is_refused(schema, sentence):
    with pytest.raises(GrammarError, match=sentence):
        grammar_of_schema(schema if isinstance(schema, str) else json.dumps(schema))


def test_a_schema_that_is_nested_without_end_is_refused():
    with pytest.raises(GrammarError, match="nested more than 40 deep"):
        grammar_of_schema('{"items":' * 300 + "true" + "}" * 300)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "properties",
                    "items",
                    "enum",
                    "const",
                    "anyOf",
                    "$ref",
                    "required",
                    "maxItems",
                    "minItems",
                ]
            )
            | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(ANY)
def test_whatever_is_said_to_be_a_schema_is_answered_with_a_grammar_or_a_sentence(schema):
    with suppress(GrammarError):
        assert "root ::=" in grammar_of_schema(json.dumps(schema))
