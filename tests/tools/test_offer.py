"""How tools are offered: what templates take, the same in words, and a grammar that llama.cpp accepts."""

import json

from chatapp.conversation.gbnf import check_grammar
from chatapp.tools.catalogue import TOOLS
from chatapp.tools.offer import choice, in_words, only_answer, schemas


def test_the_schemas_name_every_tool_with_its_arguments():
    offered = {one["function"]["name"]: one["function"] for one in schemas()}
    assert list(offered) == [tool.name for tool in TOOLS]
    assert offered["add_to_date"]["parameters"]["required"] == ["date", "amount", "step"]
    assert offered["agenda"]["parameters"]["properties"]["range"] == {"enum": ["today", "all"], "type": "string"}
    assert "title" not in json.dumps(offered)


def test_in_words_a_tool_takes_a_line():
    lines = in_words(schemas()).splitlines()
    assert lines[-1].startswith("- read_file(words: text (what to look for), file?: text")
    assert sum(line.startswith("- ") for line in lines) == len(TOOLS)


def test_the_grammars_can_be_used():
    check_grammar(choice(schemas()))
    check_grammar(only_answer())


def test_only_what_writes_is_marked_so():
    assert [tool.name for tool in TOOLS if tool.writes] == ["add_reminder", "add_note", "remember"]
