"""Random sessions, and files as their formats describe them."""

# ruff: noqa: E501  files as they are
from __future__ import annotations

import json
from dataclasses import fields, replace

from hypothesis import strategies as st

from chatapp.conversation.attachment import Attachment, Given, citable_name
from chatapp.conversation.context import Policy
from chatapp.conversation.document import Document, Unit
from chatapp.conversation.message import Kind, Message, Provenance, Role, Segment, Status, StopReason, Timings
from chatapp.conversation.persona import Example, Persona
from chatapp.conversation.sampling import PRESETS, Preset, SamplingSettings
from chatapp.conversation.session import Session
from chatapp.conversation.tree import Tree

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)
LINE = st.text(st.characters(categories=("L", "N", "S")), min_size=1, max_size=12)
SETTINGS = st.builds(
    SamplingSettings,
    temperature=st.floats(0, 5),
    seed=st.integers(-1, 2**63 - 1),
    max_tokens=st.none() | st.just(9),
)
PROVENANCE = st.builds(
    Provenance,
    model_name=TEXT,
    tokenizer=TEXT,
    preset=st.sampled_from([preset.name for preset in PRESETS]),
    segments=st.lists(st.builds(Segment, from_token=st.integers(0, 9), settings=SETTINGS, seed=st.integers(0, 9)), max_size=2).map(tuple),
    generated_tokens=st.integers(0, 10**6),
    timings=st.builds(Timings, decode_s=st.floats(0, 1e6)),
    stop_reason=st.none() | st.sampled_from(StopReason),
)  # fmt: skip
FILE = st.one_of(
    st.builds(Attachment, name=LINE.map(citable_name), document=st.builds(Document, text=TEXT), size=st.integers(0, 2**62)),
    st.just(Attachment("b.pdf", Document("one two", Unit.PAGE, (0, 4)), "/b.pdf", "ab", 7, 9, Given.PASSAGES, ((4, 7),))),
)  # fmt: skip
MOMENT = st.integers(100_000_000_000, 4_000_000_000_000)


PRESET = st.sampled_from(PRESETS) | st.builds(
    Preset,
    name=LINE,
    purpose=LINE,
    values=st.fixed_dictionaries({}, optional={"top_k": st.integers(0, 99), "stop": st.lists(LINE, max_size=2)}),
)


@st.composite
def trees(draw) -> Tree:
    messages: list[Message] = []
    for id_ in range(1, draw(st.integers(0, 8)) + 1):
        parent = draw(st.sampled_from([None, *range(1, id_)]))
        message = Message(
            id=id_,
            uid=f"u{id_}",
            parent=parent,
            role=draw(st.sampled_from(Role)),
            text=draw(TEXT),
            status=draw(st.sampled_from([status for status in Status if status is not Status.STREAMING])),
            created_ms=draw(MOMENT),
            token_ids=draw(st.lists(st.integers(0, 2**32 - 1), max_size=3)),
            provenance=draw(PROVENANCE),
            kind=draw(st.sampled_from([Kind.SAID, Kind.SAID, Kind.CUT])),
            pinned=draw(st.booleans()),
            undone=draw(st.booleans()),
            trace=draw(st.binary(max_size=9)),
            files=tuple(draw(st.lists(FILE, max_size=2, unique_by=lambda file: file.name))),
        )
        messages.append(message)
    tree = Tree(messages)
    for message in messages:
        if message.kind is Kind.SAID and draw(st.booleans()):
            tree.activate(message.id)
    return tree


SESSIONS = st.builds(
    Session,
    id=st.just(7),
    uid=st.just("abc"),
    title=LINE,
    persona=st.builds(
        Persona, name=LINE, system=TEXT, examples=st.lists(st.builds(Example, user=TEXT, assistant=TEXT), max_size=1).map(tuple),
        sampling=st.sampled_from([{}, {"temperature": 1.5}]),
    ),
    tree=trees(),
    preset=st.none() | PRESET,
    overrides=st.sampled_from([{}, {"top_k": 3, "stop": ("x",)}, {"seed": 4}]),
    model=st.none() | st.just("/models/a.gguf"),
    draft=TEXT,
    draft_files=st.lists(FILE, max_size=2, unique_by=lambda file: file.name).map(tuple),
    on_full=st.none() | st.sampled_from(Policy),
    titled=st.booleans(),
    pinned=st.booleans(),
    tags=st.sampled_from([(), ("a",), ("a", "b-c")]),
    created_ms=MOMENT,
    updated_ms=MOMENT,
)  # fmt: skip


def numbered(session: Session) -> list[Message]:
    """The messages with ids that count from 1 and without uids, to compare trees from different places."""
    messages = session.tree.all()
    number = {message.id: place for place, message in enumerate(messages, 1)}
    return [
        replace(
            message,
            id=number[message.id],
            uid="",
            parent=number.get(message.parent),
            active_child=number.get(message.active_child),
        )
        for message in messages
    ]


def shape(session: Session) -> tuple[object, ...]:
    """Everything about a session but where it lies."""
    return (
        numbered(session),
        [message.text for message in session.tree.path()],
        *(getattr(session, one.name) for one in fields(session) if one.name not in {"id", "uid", "tree"}),
    )


# Other programs' files ------------------------------------------------------------------------------------------


def chatgpt_node(key, parent, role=None, text="", *, children=(), at=0.0, **message):
    said = None
    if role:
        said = {
            "id": key,
            "author": {"role": role, "name": message.pop("name", None), "metadata": {}},
            "create_time": at,
            "content": message.pop("content", None) or {"content_type": "text", "parts": [text]},
            "status": "finished_successfully",
            "end_turn": True,
            "weight": message.pop("weight", 1.0),
            "metadata": {"model_slug": "gpt-4o"} if role == "assistant" else {},
            "recipient": "all",
            **message,
        }
    return {"id": key, "message": said, "parent": parent, "children": list(children)}


def chatgpt() -> dict:
    """A question with two answers, the first of which was gone on with by way of a tool."""
    nodes = [
        chatgpt_node("root", None, children=["sys"]),
        chatgpt_node("sys", "root", "system", "", children=["q"], weight=0),
        chatgpt_node("q", "sys", "user", "What is 2+2?", children=["a1", "a2"], at=1_700_000_000.5),
        chatgpt_node("a1", "q", "assistant", "Let me compute.", children=["t"], at=1_700_000_001),
        chatgpt_node("t", "a1", "tool", name="python", content={"content_type": "execution_output", "text": "4"}, at=1_700_000_002, children=["a3"]),
        chatgpt_node("a3", "t", "assistant", "It is 4.", at=1_700_000_003),
        chatgpt_node("a2", "q", "assistant", "Four.", at=1_700_000_009, children=["th"]),
        chatgpt_node("th", "a2", "assistant", content={"content_type": "thoughts", "thoughts": []}, at=1_700_000_010),
    ]  # fmt: skip
    return {
        "title": "Sums",
        "create_time": 1_700_000_000.0,
        "update_time": 1_700_000_100.0,
        "mapping": {node["id"]: node for node in nodes},
        "current_node": "a3",
        "conversation_id": "x",
        "default_model_slug": "gpt-4o",
        "plugin_ids": None,
    }


SILLYTAVERN = [
    {"user_name": "unused", "character_name": "unused", "create_date": "2024-9-28 @01h 02m 03s 4ms", "chat_metadata": {"integrity": "i"}},
    {"name": "Seraphina", "is_user": False, "is_system": False, "send_date": "September 28, 2024 1:02pm", "mes": "Hello!", "extra": {},
     "swipe_id": 1, "swipes": ["Hi.", "Hello!"], "swipe_info": [{"send_date": 1727500000000, "extra": {"model": "m1"}}, {"extra": {"model": "m2"}}]},
    {"name": "Me", "is_user": True, "is_system": False, "send_date": "2024-09-28T13:05:00.000Z", "mes": "Who are you?"},
    {"name": "System", "is_user": False, "is_system": True, "send_date": 1727500000000, "mes": "hidden"},
    {"name": "Seraphina", "is_user": False, "mes": "A guardian (edited).", "swipes": ["A guardian.", "Nobody."], "swipe_id": 0},
]  # fmt: skip

OPENAI = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}, {"type": "image_url", "image_url": {}}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "function": {"name": "weather", "arguments": '{"q": 1}'}}]},
        {"role": "tool", "tool_call_id": "c", "name": "weather", "content": "rain"},
        {"role": "assistant", "content": "Rain."},
        {"role": "system", "content": "Be kind."},
        {"role": "wizard", "content": "boom"},
    ]
}  # fmt: skip
SHAREGPT = {
    "id": "s",
    "conversations": [
        {"from": "system", "value": "Be brief."},
        {"from": "human", "value": "Hi"},
        {"from": "gpt", "value": "Hello"},
    ],
}


def lines(*objects) -> str:
    return "".join(json.dumps(one) + "\n" for one in objects)
