"""Over many turns only what is new is evaluated, counted to the token.

A tiny model with random weights says everything there is: half characters, bytes that are no UTF-8, NUL, words
that the tokeniser would cut in another way. So what it said must come back by its ids, or not at all. Only a
control token in mid-reply does not: for whoever reads a prompt it would begin another turn.
"""

from __future__ import annotations

import random

import pytest
from conftest import Asker
from tiny_models import STRING, plain
from worker_turns import assistant, system, user

from chatapp.conversation.message import StopReason
from chatapp.conversation.sampling import SamplingSettings
from chatapp.engine.model import ModelOptions
from chatapp.engine.prefix import common_prefix
from chatapp.engine.protocol import Tokens
from chatapp.engine.worker.abort import Abort
from chatapp.engine.worker.model import load

HOT = {"temperature": 1.3, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "repeat_penalty": 1.0}
COLD = {"temperature": 0.0}
PERSONA = system("You are the keeper of the lamp.")
FEW = 3
"""Tokens at the end of a branch that are not worth a copy of its state."""
WITHOUT_REASONING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{{ m.content.split('</think>')[-1] if m.role == 'assistant' else m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def opened(path, *, reproducible=False):
    options = ModelOptions(path=str(path), n_ctx=4096, n_threads=1, reproducible=reproducible)
    return load(options, lambda _event: None, Abort())


@pytest.fixture(scope="module")
def tiny_path(tmp_path_factory):
    return plain(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@pytest.fixture
def hot_ask(tiny_path):
    model = opened(tiny_path)
    yield Asker(model)
    model.close()


class Talk:
    """A tree of turns, held with a model; what was ever evaluated is remembered here on its own."""

    def __init__(self, ask, sampling, seed):
        self.ask = ask
        self.sampling = sampling
        self.random = random.Random(seed)
        self.evaluated = []
        """The token sequences that the engine has evaluated, each up to its end."""
        self.branches = [[PERSONA]]
        """Paths that end with a reply, or with the persona."""
        self.ended = {}
        """Of each reply, by its ids, whether it ended by itself."""
        self.endings = []

    def settings(self, most):
        return SamplingSettings(**self.sampling, max_tokens=most)

    def reply(self, path, *, begun=None, stop_after=None):
        """Have a path answered; check what that took; keep the new branch."""
        prompt = [*path, begun] if begun else path
        ids = self.ask.model.prompts.ids(prompt, open_last=begun is not None)
        seen = 0

        def stop(event, control):
            nonlocal seen
            seen += len(event.token_ids) if isinstance(event, Tokens) else 0
            if stop_after is not None and seen >= stop_after:
                control.cancel(self.ask._number)

        said = self.ask(
            prompt,
            self.settings(self.random.randint(8, 20)),
            self.random.randrange(2**31),
            on_event=stop,
            open_last=begun is not None,
            first_index=len(begun.token_ids) if begun else 0,
        )
        done = said.finished
        expected = max((min(common_prefix(ids, one), len(ids) - 1) for one in self.evaluated), default=0)
        assert done.prompt_tokens == len(ids)
        assert expected - FEW <= done.reused_tokens <= expected
        assert done.evaluated_tokens == len(ids) - done.reused_tokens
        by_itself = done.stop_reason == StopReason.END
        self.evaluated.append(ids + (said.token_ids if by_itself else said.token_ids[:-1]))
        assert self.ask.model.cache.tokens == self.evaluated[-1]
        whole = assistant(
            (begun.content if begun else "") + said.text,
            (begun.token_ids if begun else ()) + tuple(said.token_ids),
        )
        self.ended[whole.token_ids] = by_itself
        self.endings.append(done.stop_reason)
        self.branches.append([*path, whole])
        return done

    def is_text(self, reply):
        return all(map(self.ask.model.vocabulary.is_plain, reply.token_ids))

    def new(self, text):
        """Tokens that a message brings, and what the template writes around it, after a reply that is closed."""
        vocabulary = self.ask.model.vocabulary
        between = len(vocabulary.tokenize("\n")) + len(vocabulary.tokenize(f"user\n{text}"))
        return 1 + between + 1 + 1 + len(vocabulary.tokenize("\n")) + 1 + len(vocabulary.tokenize("assistant\n"))


@pytest.mark.parametrize("sampling", [HOT, COLD], ids=["hot", "cold"])
def test_fifty_turns_evaluate_only_what_is_new(hot_ask, sampling):
    """Sent, stopped, gone on with, said again, edited: in any order."""
    talk = Talk(hot_ask, sampling, seed=4)
    talk.reply([PERSONA, user("Say something.")])
    for turn in range(50):
        verb = talk.random.choice(["send", "send", "send", "stop", "go on", "again", "edit", "back"])
        path = talk.branches[-1]
        text = f"And what of storm {turn}, keeper?"
        if len(path) > 16:
            verb = "edit"
        if verb in {"send", "stop"}:
            done = talk.reply([*path, user(text)], stop_after=6 if verb == "stop" else None)
            if not talk.is_text(path[-1]):
                continue
            unread = 0 if talk.ended[path[-1].token_ids] else 1
            if sampling is COLD:  # a sibling has said the same, and more
                unread = min(unread, done.evaluated_tokens - talk.new(text))
            assert done.evaluated_tokens == max(0, unread) + talk.new(text)
        elif verb == "go on":
            done = talk.reply(path[:-1], begun=path[-1])
            assert done.evaluated_tokens == 1 or not talk.is_text(path[-1])
        elif verb == "again":
            done = talk.reply(path[:-1])
            assert done.evaluated_tokens == 1
        elif verb == "edit":
            place = talk.random.randrange(1, len(path), 2)
            talk.reply([*path[:place], user(f"Rather {turn}.")])
        else:
            other = talk.random.choice([one for one in talk.branches if len(one) > 1])
            talk.reply([*other, user(text)])
    assert sum(map(talk.is_text, (path[-1] for path in talk.branches[1:]))) > 25
    assert {StopReason.CANCELLED, StopReason.MAX_TOKENS} <= set(talk.endings)


def test_a_reply_stopped_inside_a_character_goes_on_inside_it(hot_ask):
    """Its bytes are spoken by several tokens; the text gets it when it is complete."""
    model = hot_ask.model
    emoji = tuple(model.vocabulary.tokenize("ok 😀"))
    assert model.vocabulary.piece(emoji[-1]) == "😀".encode()[-1:]
    begun = assistant("ok ", emoji[:-2])
    ids = model.prompts.ids([user("Hi"), begun], open_last=True)
    assert tuple(ids[-len(emoji) + 2 :]) == emoji[:-2]
    closed = model.prompts.ids([user("Hi"), begun, user("Go on")])
    assert tuple(closed[len(ids) - len(emoji) + 2 : len(ids)]) == emoji[:-2]


def test_bytes_that_are_no_text_come_back_by_their_ids(hot_ask):
    model = hot_ask.model
    letter = model.vocabulary.tokenize("a")
    odd = (*letter, *(3 + byte for byte in (0xFF, 0x00, 0xE2, 0x82)), *letter)
    for nul in ("\0", "\ufffd"):  # as it was said, and as it is stored
        ids = model.prompts.ids([user("Hi"), assistant(f"a\ufffd{nul}\ufffda", odd), user("Go on")])
        assert any(tuple(ids[at : at + len(odd)]) == odd for at in range(len(ids)))


def test_a_template_that_strips_reasoning_costs_the_reply_and_no_more(tmp_path):
    """What stands before the reply stays, in this turn and the next."""
    model = opened(plain(tmp_path / "m.gguf", **{"tokenizer.chat_template": (STRING, WITHOUT_REASONING)}))
    ask = Asker(model)
    question = [PERSONA, user("What is the sea?")]
    thought = "<think>The sea is salt and deep.</think>It is wide."
    begun = assistant(thought, model.vocabulary.tokenize(thought))
    few = SamplingSettings(temperature=0, max_tokens=5)
    ask([*question, begun], few.model_copy(update={"max_tokens": 1}), open_last=True)  # as if it had said that
    before = len(model.prompts.ids(question))

    second = ask([*question, begun, user("And the lamp?")], few)
    assert second.finished.reused_tokens == before
    third = ask(
        [*question, begun, user("And the lamp?"), assistant(second.text, second.token_ids), user("So?")], few
    )
    assert third.finished.reused_tokens == second.finished.prompt_tokens + len(second.token_ids) - 1
    assert len(model.cache.states) == 0
    model.close()
