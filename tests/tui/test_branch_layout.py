"""The tree as rows: every message once, below what it answers, the active path straight down."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style

from chatapp.conversation.message import Message, Role, Status
from chatapp.conversation.tree import Tree
from chatapp.tui.lines import width
from chatapp.tui.screens.branch_layout import DEEPEST, branch_rows
from chatapp.tui.screens.branch_lines import first_words, row_line, standing

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LOOK = SimpleNamespace(
    **dict.fromkeys(("accent", "muted", "faint", "rule", "strong", "text", "selection"), Style())
)


def said(id_, parent, role, text=""):
    return Message(id_, f"m{id_}", parent, role, text or f"message {id_}")


def drawn(tree, cells=60):
    lines = [row_line(row, LOOK, cells, NOW, stood_on=False) for row in branch_rows(tree)]
    return ["".join(text for text, _ in line)[: cells - 15].rstrip() for line in lines]


def talk(*edges):
    """A tree of (id, parent, who) with `u` and `a`; the newest child is in view."""
    roles = {"u": Role.USER, "a": Role.ASSISTANT}
    return Tree(said(id_, parent, roles[who]) for id_, parent, who in edges)


def test_the_active_path_runs_straight_down_and_the_others_leave_before_it():
    tree = talk((1, None, "u"), (2, 1, "a"), (3, 1, "a"), (4, 3, "u"), (5, 4, "a"), (6, 4, "a"), (7, 1, "a"))
    tree.activate(2)
    assert drawn(tree) == [
        "› message 1",
        "│ ├─ ‹2/3› message 3",
        "│ │     › message 4",
        "│ │     ├─ ‹1/2› message 5",
        "│ │     ╰─ ‹2/2› message 6",
        "│ ╰─ ‹3/3› message 7",
        "│ ‹1/3› message 2",
    ]


def test_a_long_branch_goes_down_and_not_off_to_the_right():
    edges = [(1, None, "u"), (2, None, "u")]
    last = 1
    for id_ in range(3, 203, 2):
        edges += [(id_, last, "a"), (id_ + 1, id_, "u")]
        last = id_ + 1
    rows = branch_rows(talk(*edges))
    assert max(len(row.rails) for row in rows) <= 8


def test_a_message_without_words_and_an_edited_first_question():
    tree = talk((1, None, "u"), (2, None, "u"))
    tree[2].text = "\n\n"
    assert drawn(tree) == ["│ ╰─ › ‹1/2› message 1", "│", "› ‹2/2› nothing yet"]


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.booleans()), max_size=60),
    st.integers(0, 10**6),
    st.integers(4, 90),
)
def test_every_message_stands_once_below_what_it_answers(grown, chosen, cells):
    tree = Tree()
    for id_, (where, asks) in enumerate(grown, 1):
        parent = where % id_ or None
        tree.add(said(id_, parent, Role.USER if asks else Role.ASSISTANT))
    if grown:
        tree.activate(chosen % len(grown) + 1)
    rows = branch_rows(tree)
    shown = [row.message for row in rows if row.message is not None]
    assert sorted(one.id for one in shown) == sorted(one.id for one in tree.all())
    order = {one.id: place for place, one in enumerate(shown)}
    assert all(one.parent is None or order[one.parent] < order[one.id] for one in shown)
    # The active path keeps its order, at the left edge; what it left comes before what it went on with.
    active = [row.message.id for row in rows if row.active and row.message is not None]
    assert active == [one.id for one in tree.path()]
    assert all(len(row.rails) <= 2 for row in rows if row.active)
    for one in tree.path():
        assert all(order[other.id] <= order[one.id] for other in tree.siblings(one.id))
    for row in rows:
        assert len(row.rails) <= DEEPEST + 6
        assert width(row_line(row, LOOK, cells, NOW, stood_on=False)) <= max(cells, 1)


def test_first_words_skip_fences_and_marks():
    assert first_words("```python\ndef f():\n    pass\n```") == "def f(): …"
    assert first_words("**Yes.**") == "Yes."
    assert first_words("\n\n# Title\nand more") == "Title …"
    assert first_words("") == ""


def test_what_stands_beside_a_message():
    reply = said(1, None, Role.ASSISTANT)
    reply.token_ids = [1, 2]
    assert standing(reply, NOW) == "2 tokens"
    reply.status = Status.STREAMING
    assert standing(reply, NOW) == "writing"
