"""Chat templates that fall short, and what is done about it."""

from __future__ import annotations

import pytest
from worker_turns import assistant, system, user

from chatapp.engine.worker.prompt import PromptMaker
from chatapp.engine.worker.template import ChatTemplate, TemplateError, alternating

PLAIN = (
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}[go]{% endif %}"
)
NO_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}[{{ m.role }}]{{ m.content }}{% endfor %}"
)
DROPS_SYSTEM = "{% for m in messages if m.role != 'system' %}[{{ m.role }}]{{ m.content }}{% endfor %}"
ALTERNATES = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate') }}{% endif %}[{{ m.role }}]{{ m.content }}{% endfor %}"
)


def template(source, specials=()):
    return ChatTemplate(source, "<s>", "</s>", specials)


def rendered(source, turns):
    return template(source).render(turns)[0]


def test_a_template_that_works_is_used_as_it_is():
    own = template(PLAIN)
    assert (own.kind, own.note, own.stop) == ("own", "", ())
    assert own.render([system("s"), user("a"), user("b")])[0] == "[system]s[user]a[user]b[go]"
    assert own.render([user("a")], opens_reply=False)[0] == "[user]a"


@pytest.mark.parametrize("source", [NO_SYSTEM, DROPS_SYSTEM])
def test_without_a_system_role_the_system_text_goes_before_the_first_user_turn(source):
    assert "system prompt" in template(source).note
    assert rendered(source, [system("s"), user("a"), assistant("b")]) == "[user]s\n\na[assistant]b"


def test_a_greeting_without_a_system_role_follows_the_system_text():
    assert rendered(NO_SYSTEM, [system("s"), assistant("hi"), user("a")]) == "[user]s[assistant]hi[user]a"


def test_where_roles_must_alternate_neighbours_are_joined():
    assert "joined" in template(ALTERNATES).note
    turns = [user("a"), user("b"), assistant("c"), assistant("d"), user("e")]
    assert rendered(ALTERNATES, turns) == "[user]a\n\nb[assistant]c\n\nd[user]e"


def test_where_roles_must_alternate_a_greeting_follows_an_empty_user_turn():
    assert rendered(ALTERNATES, [assistant("hi"), user("a")]) == "[user][assistant]hi[user]a"


def test_where_roles_must_alternate_a_system_text_is_joined_to_the_first_user_turn():
    assert rendered(ALTERNATES, [system("s"), user("a")]) == "[user]s\n\na"


def test_turns_that_alternate_are_not_touched_and_keep_their_ids():
    turns = [system("s"), user("a"), assistant("b", [1, 2]), user("c")]
    assert alternating(turns) == turns


@pytest.mark.parametrize(
    "source",
    [None, "", "{% for %}", "{{ messages[0].nothing.at_all }}", "{{ raise_exception('never') }}", "{{ 1 / 0 }}"],
)
def test_chatml_stands_in_for_a_template_that_is_missing_or_broken(source):
    fallback = template(source)
    assert fallback.kind == "chatml"
    assert "ChatML" in fallback.note
    assert fallback.render([user("a")])[0] == "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n"


def test_chatml_ends_turns_by_stop_strings_where_the_vocabulary_has_no_tokens_for_it():
    assert template(None).stop == ("<|im_start|>", "<|im_end|>")
    assert template(None, {"<|im_start|>": 1, "<|im_end|>": 2}).stop == ()


def test_a_chat_that_the_template_refuses_altogether_fails_with_the_templates_own_words():
    picky = "{% if messages|length > 1 %}{{ raise_exception('One turn only, please') }}{% endif %}ok"
    with pytest.raises(TemplateError, match="One turn only, please"):
        template(picky).render([user("a"), assistant("b"), user("c")])


def test_templates_find_the_tools_they_expect():
    source = (
        "{% generation %}{{ bos_token }}{{ eos_token }}{% endgeneration %}{{ messages[0].content | tojson }}"
        "{% for x in [1, 2] %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% endfor %}"
        "{% if tools is not none %}tools{% endif %}{{ strftime_now('%Y') | length }}"
    )
    assert rendered(source, [user('é"')]) == '<s></s>"é\\""14'


@pytest.mark.parametrize(
    "attack", ["{{ ''.__class__.__mro__ }}", "{{ messages.append(1) }}", "{{ self.__init__.__globals__ }}"]
)
def test_a_hostile_template_reaches_nothing_outside_the_sandbox(attack):
    hostile = template(attack)
    assert hostile.kind == "chatml" or "object" not in hostile.render([user("a")])[0]


def trimming():
    """ChatML that strips contents, as many templates do."""
    return (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content | trim }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )


def test_known_ids_are_kept_where_the_template_strips_the_blank_that_a_reply_began_with(model):
    vocabulary = model.vocabulary
    prompts = PromptMaker(vocabulary, ChatTemplate(trimming(), "", "", vocabulary.specials))
    known = vocabulary.tokenize("  Yes, it is.\n\n")
    first = prompts.ids([user("Is it?")])
    second = prompts.ids([user("Is it?"), assistant("  Yes, it is.\n\n", known), user("Really?")])
    assert second[: len(first) + len(known) - 1] == first + known[:-1]


def test_known_ids_are_kept_of_replies_after_one_that_the_template_changes(model):
    vocabulary = model.vocabulary
    drops_thoughts = trimming().replace("m.content", "m.content.split('</think>')[-1]")
    prompts = PromptMaker(vocabulary, ChatTemplate(drops_thoughts, "", "", vocabulary.specials))
    odd = [token for character in "Hello" for token in vocabulary.tokenize(character)]
    turns = [user("a"), assistant("<think>hm</think>b", [1]), user("c"), assistant("Hello", odd), user("d")]
    ids = prompts.ids(turns)
    assert any(ids[start : start + len(odd)] == odd for start in range(len(ids)))
    assert "hm" not in b"".join(map(vocabulary.piece, ids)).decode()
