"""Tools and templates: a template that takes them gets them, for another they are words and user turns."""

from __future__ import annotations

import json

import pytest

from chatapp.conversation.message import Role
from chatapp.conversation.prompt import TOOL, Turn
from chatapp.engine.worker.template import CHATML, ChatTemplate
from chatapp.tools.offer import in_words, schemas

HERMES = (
    "{% if tools %}<|im_start|>system\n{% if messages[0].role == 'system' %}{{ messages[0].content }}\n{% endif %}"
    "<tools>{% for tool in tools %}\n{{ tool | tojson }}{% endfor %}\n</tools><|im_end|>\n{% endif %}"
    "{% for message in messages %}{% if message.role == 'tool' %}"
    "<|im_start|>user\n<tool_response>\n{{ message.content }}\n</tool_response><|im_end|>\n"
    "{% elif not (tools and loop.first and message.role == 'system') %}"
    "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA = (
    "{{ bos_token }}<|start_header_id|>system<|end_header_id|>\n\n{% if tools is not none %}"
    '{% for t in tools %}{{ t | tojson(indent=4) }}\n\n{% endfor %}Say {"name":…, "parameters":…}{% endif %}'
    "{% for message in messages %}{% if message.role == 'tool' or message.role == 'ipython' %}"
    "<|start_header_id|>ipython<|end_header_id|>\n\n{{ message.content | tojson }}<|eot_id|>"
    "{% else %}<|start_header_id|>{{ message.role }}<|end_header_id|>\n\n{{ message.content }}<|eot_id|>"
    "{% endif %}{% endfor %}"
)
OFFER = Turn(role=Role.SYSTEM, content=in_words(schemas()), tools=json.dumps(schemas()))
TURNS = [
    Turn(role=Role.SYSTEM, content="Be brief."),
    OFFER,
    Turn(role=Role.USER, content="What is 1 + 1?"),
    Turn(role=Role.ASSISTANT, content="<tool_call>…</tool_call>"),
    Turn(role=TOOL, content="2"),
]


def text_of(source, turns=TURNS):
    template = ChatTemplate(source, "<s>", "</s>")
    return template.takes_tools, template.render(turns)[0]


def test_a_template_that_takes_tools_gets_their_schemas_and_the_result():
    takes, text = text_of(HERMES)
    assert takes
    assert text.startswith("<|im_start|>system\nBe brief.")
    assert '{"type": "function", "function": {"name": "calculator"' in text
    assert "You can use tools" not in text
    assert "<|im_start|>user\n<tool_response>\n2\n</tool_response><|im_end|>" in text


def test_the_other_style_too():
    takes, text = text_of(LLAMA)
    assert takes
    assert '"name": "calculator"' in text
    assert '<|start_header_id|>ipython<|end_header_id|>\n\n"2"' in text


def test_for_a_template_without_tools_they_are_words_in_the_system_turn():
    takes, text = text_of(CHATML)
    assert not takes
    assert "Be brief.\n\nYou can use tools" in text
    assert "<|im_start|>user\n<tool_response>\n2\n</tool_response><|im_end|>" in text


@pytest.mark.parametrize("source", [HERMES, LLAMA, CHATML])
def test_without_an_offer_nothing_of_tools_is_written(source):
    _, text = text_of(source, [turn for turn in TURNS if not turn.tools and turn.role != TOOL])
    assert "calculator" not in text


def test_a_template_that_fails_on_tools_is_not_given_any():
    refuses = "{% if tools %}{{ raise_exception('no') }}{% endif %}" + CHATML
    takes, text = text_of(refuses)
    assert not takes
    assert "You can use tools" in text
