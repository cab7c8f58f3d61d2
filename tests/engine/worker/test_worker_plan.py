"""Which token of a prompt belongs to which turn: the counts add up to the prompt that is sent, glue included."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from worker_turns import assistant, system, user

from chatapp.engine.worker.prompt import PromptMaker
from chatapp.engine.worker.template import ChatTemplate

WORDS = st.text(st.characters(codec="utf-8"), max_size=40)
TURN = st.builds(lambda make, text: make(text), st.sampled_from([user, assistant, system]), WORDS)
LLAMA2 = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ '<|endoftext|>[INST] ' + m.content + ' [/INST]' }}"
    "{% elif m.role == 'assistant' %}{{ ' ' + m.content + ' <|im_end|>' }}"
    "{% else %}{{ raise_exception('no system') }}{% endif %}{% endfor %}"
)
STRIPPED = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + (m.content.split('</think>')|last)|trim + "
    "'<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


@pytest.mark.parametrize("source", [None, LLAMA2, STRIPPED], ids=["own", "llama2", "stripped"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turns=st.lists(TURN, min_size=1, max_size=6), open_last=st.booleans(), template=st.booleans())
def test_the_counts_of_any_turns_add_up_to_the_ids_that_are_sent(model, source, turns, open_last, template):
    prompts = model.prompts
    if source is not None:
        own = ChatTemplate(source, "", "", model.vocabulary.specials)
        prompts = PromptMaker(model.vocabulary, own)
    options = {"template": template, "open_last": open_last}
    ids, owners = prompts.owners(turns, **options)
    assert ids == prompts.ids(turns, **options)
    counts = prompts.counts(turns, **options)
    assert len(counts) == len(turns) + 1
    assert sum(counts) == len(ids) == len(owners)


def test_what_the_template_writes_around_a_content_belongs_to_its_turn(model):
    r"""ChatML: `<|im_start|>user\n…<|im_end|>\n` is the turn's, the last line opens the reply."""
    turns = [system("Be brief."), user("Hello there."), assistant("Hi."), user("And now?")]
    counts = model.prompts.counts(turns)
    alone = [len(model.vocabulary.tokenize(turn.content)) for turn in turns]
    # The word assistant is two tokens here, the names of the other roles are one.
    assert [count - content for count, content in zip(counts, alone, strict=False)] == [5, 5, 6, 5]
    assert counts[-1] == 4


def test_a_reply_that_is_left_open_owns_what_opens_it(model):
    counts = model.prompts.counts([user("Tell me."), assistant("Once upon")], open_last=True)
    assert counts[1:] == (4 + len(model.vocabulary.tokenize("Once upon")), 0)


def test_neighbouring_system_turns_are_one_for_the_template_and_two_for_the_counts(model):
    """A summary stands behind the system prompt; many templates know one system turn only."""
    turns = [system("Be brief."), system("Earlier: they met."), user("Go on.")]
    ids = model.prompts.ids(turns)
    assert ids == model.prompts.ids([system("Be brief.\n\nEarlier: they met."), user("Go on.")])
    first, second, *_ = model.prompts.counts(turns)
    assert first == len(model.vocabulary.tokenize("Be brief.")) + 3
    assert second > len(model.vocabulary.tokenize("Earlier: they met."))


def test_known_ids_are_counted_as_they_are(model):
    """A reply keeps the tokens that it was drawn with, also where the tokeniser would take others."""
    drawn = model.vocabulary.tokenize("light") + model.vocabulary.tokenize_after_text("house")
    usual = len(model.vocabulary.tokenize("lighthouse"))
    counts = model.prompts.counts([user("Where?"), assistant("lighthouse", drawn), user("And?")])
    assert counts[1] == 6 + len(drawn)
    assert len(drawn) >= usual


def test_a_reply_says_where_the_cache_and_the_prompt_parted(model, ask):
    model.cache.clear()
    assert ask([system("Be brief."), user("One.")]).finished.cache.held == 0
    changed = ask([system("Be long."), user("One.")]).finished.cache
    assert changed.shared < changed.held
    assert (changed.old.startswith(" brief"), changed.new.startswith(" long")) == (True, True)
    again = ask([system("Be long."), user("One.")]).finished
    assert again.cache.old == again.cache.new == ""
    assert again.cache.shared == again.prompt_tokens
