"""Any order of operations leaves on disk what a plain model in memory says."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from chatapp.conversation.message import Provenance, Role, Status
from chatapp.conversation.persona import Persona
from chatapp.conversation.session import title_from
from chatapp.store import Store
from chatapp.store.recovery import restore
from chatapp.text import repair

TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
SAID = st.text("ab \n\r☃", max_size=8)
IDS = st.lists(st.integers(0, 2**32 - 1), max_size=4)
ENDS = st.sampled_from([Status.COMPLETE, Status.STOPPED, Status.ERROR])


@dataclass
class Said:
    parent: int | None
    role: Role
    text: str
    status: Status
    ids: list[int] = field(default_factory=list)
    active: int | None = None


@dataclass
class Chat:
    uid: str
    title: str = ""
    draft: str = ""
    deleted: bool = False
    active_root: int | None = None
    said: dict[int, Said] = field(default_factory=dict)

    def add(self, id_: int, said: Said) -> None:
        self.said[id_] = said
        self.activate(said.parent, id_)

    def activate(self, parent: int | None, child: int) -> None:
        if parent is None:
            self.active_root = child
        else:
            self.said[parent].active = child


class StoreMachine(RuleBasedStateMachine):
    chats = Bundle("chats")
    nodes = Bundle("nodes")  # (session, message): a place to say something at
    replies = Bundle("replies")  # those that stream

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.runner = asyncio.Runner()
        self.model: dict[int, Chat] = {}
        self.order: list[int] = []
        self.store = self.do(Store.open(self.folder / "chats.db"))

    def do(self, awaitable: Any) -> Any:
        return self.runner.run(awaitable)

    def used(self, session_id: int) -> None:
        self.order.remove(session_id)
        self.order.append(session_id)

    @rule(target=chats, name=st.sampled_from(["A", "B"]))
    def create(self, name: str) -> int:
        made = self.do(self.store.create_session(Persona(name=name)))
        self.model[made.id] = Chat(made.uid)
        self.order.append(made.id)
        return made.id

    def turn(self, session_id: int, parent: int | None, text: str) -> tuple[int, int]:
        asked, reply = self.do(self.store.begin_turn(session_id, parent, text))
        chat = self.model[session_id]
        chat.add(asked.id, Said(parent, Role.USER, repair(text), Status.COMPLETE))
        chat.add(reply.id, Said(asked.id, Role.ASSISTANT, "", Status.STREAMING))
        chat.draft = ""
        chat.title = chat.title or title_from(repair(text))
        self.used(session_id)
        return session_id, reply.id

    @rule(target=replies, session_id=chats, text=TEXT)
    def begin_turn_at_the_root(self, session_id: int, text: str) -> tuple[int, int]:
        return self.turn(session_id, None, text)

    @rule(target=replies, node=nodes, text=TEXT)
    def begin_turn_below(self, node: tuple[int, int], text: str) -> tuple[int, int]:
        return self.turn(*node, text)

    @rule(target=replies, node=nodes, text=SAID, ids=IDS)
    def begin_reply_beside(self, node: tuple[int, int], text: str, ids: list[int]) -> tuple[int, int]:
        session_id, message_id = node
        chat = self.model[session_id]
        parent = chat.said[message_id].parent
        reply = self.do(self.store.begin_reply(session_id, parent, text=text, token_ids=ids))
        chat.add(reply.id, Said(parent, Role.ASSISTANT, text, Status.STREAMING, list(ids)))
        self.used(session_id)
        return session_id, reply.id

    @rule(reply=replies, text=SAID, ids=IDS)
    def append(self, reply: tuple[int, int], text: str, ids: list[int]) -> None:
        said = self.model[reply[0]].said[reply[1]]
        if said.status is Status.STREAMING:
            self.do(self.store.append(reply[1], text, ids))
            said.text += text
            said.ids += ids

    @rule(target=nodes, reply=consumes(replies), status=ENDS, text=st.none() | SAID)
    def finish(self, reply: tuple[int, int], status: Status, text: str | None) -> tuple[int, int]:
        said = self.model[reply[0]].said[reply[1]]
        if said.status is Status.STREAMING:
            self.do(self.store.finish(reply[1], status, Provenance(), text=text))
            said.status = status
            said.text = said.text if text is None else text
        return reply

    @rule(node=nodes)
    def activate(self, node: tuple[int, int]) -> None:
        session_id, message_id = node
        tree = self.do(self.store.session(self.model[session_id].uid)).tree
        changes = tree.activate(message_id)
        self.do(self.store.activate(session_id, changes))
        for parent, child in changes:
            self.model[session_id].activate(parent, child)

    @rule(session_id=chats, title=TEXT)
    def rename(self, session_id: int, title: str) -> None:
        self.do(self.store.rename(session_id, title))
        self.model[session_id].title = " ".join(repair(title).split())

    @rule(session_id=chats, text=TEXT)
    def draft(self, session_id: int, text: str) -> None:
        self.do(self.store.save_draft(session_id, text))
        self.model[session_id].draft = repair(text)

    @rule(session_id=chats, deleted=st.booleans())
    def trash_or_restore(self, session_id: int, deleted: bool) -> None:
        self.do(self.store.trash(session_id) if deleted else self.store.restore(session_id))
        self.model[session_id].deleted = deleted

    @rule()
    def reopen(self) -> None:
        self.reopen_by(lambda: None)

    def reopen_by(self, meanwhile: Callable[[], object]) -> None:
        """Close, do something to the file, open again: what streamed is interrupted."""
        self.do(self.store.close())
        meanwhile()
        self.open_again()

    def open_again(self) -> None:
        self.store = self.do(Store.open(self.folder / "chats.db"))
        for chat in self.model.values():
            for said in chat.said.values():
                if said.status is Status.STREAMING:
                    said.status = Status.INTERRUPTED

    @rule()
    def kill(self) -> None:
        """What a killed process leaves: its files as they are between two calls, and leases that nobody holds."""
        left = Path(tempfile.mkdtemp())
        shutil.copytree(self.folder, left, dirs_exist_ok=True)
        self.do(self.store.close())
        shutil.rmtree(self.folder)
        self.folder = left
        self.open_again()

    @rule(session_id=chats, text=TEXT)
    def say_in_a_second_instance(self, session_id: int, text: str) -> None:
        """Another process opens the store, says something, and is closed in the middle of its reply."""
        mine, self.store = self.store, self.do(Store.open(self.folder / "chats.db"))
        _, reply_id = self.turn(session_id, None, text)
        self.do(self.store.append(reply_id, text := "broken off", [1]))
        self.do(self.store.close())
        self.store = mine
        said = self.model[session_id].said[reply_id]
        said.text, said.ids, said.status = text, [1], Status.INTERRUPTED

    @rule()
    def back_up_and_restore(self) -> None:
        """What comes back is what was there."""
        made = self.do(self.store.back_up())
        self.reopen_by(lambda: restore(self.folder / "chats.db", made.path))

    @invariant()
    def the_list_is_the_models(self) -> None:
        for deleted in (False, True):
            heads = self.do(self.store.sessions(deleted=deleted))
            wanted = [id_ for id_ in reversed(self.order) if self.model[id_].deleted is deleted]
            assert [head.id for head in heads] == wanted
            for head in heads:
                chat = self.model[head.id]
                assert (head.title, head.messages, head.has_draft) == (
                    chat.title,
                    len(chat.said),
                    chat.draft != "",
                )
                parents = {said.parent for said in chat.said.values()} - {None}
                assert head.leaves == len(chat.said) - len(parents)
                assert head.streaming == any(s.status is Status.STREAMING for s in chat.said.values())

    @invariant()
    def every_session_is_the_models(self) -> None:
        for id_, chat in self.model.items():
            session = self.do(self.store.session(chat.uid))
            assert (session.id, session.title, session.draft) == (id_, chat.title, chat.draft)
            assert session.tree.active_root == chat.active_root
            kept = {
                m.id: Said(m.parent, m.role, m.text, m.status, m.token_ids, m.active_child)
                for m in session.tree.all()
            }
            assert kept == chat.said

    def teardown(self) -> None:
        self.do(self.store.close())
        self.runner.close()
        shutil.rmtree(self.folder)


StoreMachine.TestCase.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)
TestStore = StoreMachine.TestCase
