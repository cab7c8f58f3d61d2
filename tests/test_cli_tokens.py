"""Tokens, decisions and probabilities for scripts: the shapes that are relied upon."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest


@pytest.fixture
def chatapp(tmp_path):
    """Runs a command as a process of its own."""

    def run(*argv, stdin=""):
        command = [sys.executable, "-m", "chatapp", *argv, "--data-dir", str(tmp_path / "home")]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)

    return run


def test_a_text_is_shown_token_by_token(chatapp):
    done = chatapp("tokenize", "--json", "Hi <|im_end|> 😀")
    shown = json.loads(done.stdout)
    assert shown["count"] == len(shown["tokens"]) > 5  # the special token's name is text
    assert b"".join(bytes.fromhex(one["bytes"]) for one in shown["tokens"]).decode() == "Hi <|im_end|> 😀"
    assert all(set(one) == {"id", "text", "bytes"} for one in shown["tokens"])
    special = json.loads(chatapp("tokenize", "--json", "--special", stdin="Hi<|im_end|>\n").stdout)
    assert [one["text"] for one in special["tokens"]] == ["Hi", "<|im_end|>"]
    assert chatapp("tokenize", "Hi").stdout.splitlines()[-1] == "1 token"


def test_the_next_token_is_shown_stage_by_stage(chatapp):
    done = chatapp("next", "The sea is the", "--json", "--seed", "7", "--top-k", "30", "--min-p", "0.02")
    shown = json.loads(done.stdout)
    stages = shown["stages"]
    assert [one["sampler"] for one in stages] == ["logits", "top_k", "top_p", "min_p", "temperature"]
    assert stages[0]["mass"] == pytest.approx(1)
    assert stages[1]["kept"] == len(stages[1]["candidates"]) == 30
    assert len(stages[0]["candidates"]) == 50
    for one in stages[1:]:
        assert sum(other["p"] for other in one["candidates"]) == pytest.approx(1)
        chances = [other["p"] for other in one["candidates"]]
        assert chances == sorted(chances, reverse=True)
    assert shown["final"] == stages[-1]["candidates"]
    assert shown["draw"]["low"] <= shown["draw"]["chance"] < shown["draw"]["high"]
    table = chatapp("next", "Hello", "--chat", "--top-k", "3")
    assert "effective" in table.stdout
    assert "×" in table.stdout


def test_a_constrained_answer_is_valid_or_says_that_it_was_cut_off(chatapp, tmp_path):
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "object", "properties": {"n": {"enum": [1, 2]}}, "required": ["n"]}')
    whole = chatapp(
        "ask", "A number as JSON.", "--json-schema", str(schema), "--json", "--logprobs", "2", "--seed", "1"
    )
    shown = json.loads(whole.stdout)
    assert whole.returncode == 0
    assert shown["complete"]
    assert json.loads(shown["text"])["n"] in {1, 2}
    assert [one["id"] for one in shown["logprobs"]] == shown["token_ids"]
    for one in shown["logprobs"]:
        assert set(one) >= {"token", "id", "logprob", "top"}
        assert len(one["top"]) == 2
        assert one["logprob"] <= one["top"][0]["logprob"] <= 0
    cut = chatapp("ask", "A number as JSON.", "--json-schema", str(schema), "--max-tokens", "2")
    assert cut.returncode == 1
    assert "cut off" in cut.stderr


def test_a_broken_grammar_is_refused_with_its_place(chatapp, tmp_path):
    grammar = tmp_path / "broken.gbnf"
    grammar.write_text('root ::= "a"\nother ::= (')
    done = chatapp("ask", "Hi", "--grammar", str(grammar))
    assert done.returncode == 1
    assert "line 2, column 11: this parenthesis is never closed" in done.stderr


def test_texts_are_sorted_into_labels(chatapp):
    texts = "I love it.\nIt was awful.\n=1+1\n"
    done = chatapp("score", "--choices", "positive,negative", stdin=texts)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["text"] for line in lines] == ["I love it.", "It was awful.", "=1+1"]
    for line in lines:
        assert math.fsum(line["probabilities"].values()) == pytest.approx(1)
        assert line["label"] == max(line["probabilities"], key=line["probabilities"].get)
    assert lines[0]["probabilities"]["positive"] > lines[1]["probabilities"]["positive"]
    table = chatapp("score", "--choices", "positive,negative", "--csv", stdin=texts)
    assert table.stdout.splitlines()[0] == "text,label,positive,negative"
    assert "'=1+1" in table.stdout
    same = chatapp("score", "--choices", "yes,yes", stdin="x")
    assert (same.returncode, "same token" in same.stderr) == (1, True)
