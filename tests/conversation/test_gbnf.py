"""Grammars are refused with the place that a person has to look at."""

from __future__ import annotations

import pytest

from chatapp.conversation.gbnf import GrammarError, check_grammar

GOOD = [
    'root ::= "yes" | "no"',
    'root ::= ("a" | (\n  "b"\n))+ # two\nother ::= [^\\n] root?',
    'root ::= [a-zA-Z_]{1,20} "\\u00e9\\x41" . "-"',
    'root ::= a-1*\na-1 ::= [0-9] | "(" a-1 ")"',
    'root ::= "a"{3} "b"{2,} "c"{0,4}\n\n',
    'root ::= <|im_start|> "x"',
]
BAD = [
    ('root ::= "a', "line 1, column 10: a string is never closed"),
    ("root = x", "line 1, column 6: here ‘::=’ is due"),
    ('root ::= "x"\n\nroot2 ::= nobody', "line 3, column 11: there is no rule called ‘nobody’"),
    ('a ::= "x"', "no rule called ‘root’"),
    ('root ::= root "a"', "line 1, column 1: the rule ‘root’ begins with itself"),
    ('root ::= a\na ::= "x"? root', "begins with itself"),
    ('root ::= (""*)*', "what may be empty cannot be repeated without end"),
    ('root ::= a*\na ::= b?\nb ::= "x"', "line 1, column 11: what may be empty"),
    ("root ::= [a-z]{1,100000}", "more than 2,000 repetitions"),
    ('root ::= ("a"{0,50}){50}', "more than 2,000 repetitions"),
    ('root ::= "\\q"', "this escape is not known"),
    ("root ::= (", "never closed"),
    ("root ::= *", "nothing before this to repeat"),
    ('root ::= "a"{2,1}', "the larger number comes second"),
    ("root ::= []", "matches nothing"),
    ("root ::= " + "(" * 60, "more than 50 parentheses"),
    ('root ::= "a"\0', "no NUL"),
]


@pytest.mark.parametrize("text", GOOD)
def test_a_grammar_that_llama_cpp_reads_is_accepted(text):
    check_grammar(text)


@pytest.mark.parametrize(("text", "sentence"), BAD)
def test_a_broken_grammar_is_refused_where_it_is_broken(text, sentence):
    with pytest.raises(GrammarError, match=sentence.replace("(", r"\(")):
        check_grammar(text)
