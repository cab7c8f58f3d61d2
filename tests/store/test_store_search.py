"""Search: words, phrases, beginnings, OR, NOT, filters, every script; nothing typed is an error."""

from __future__ import annotations

import asyncio
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatapp.conversation.message import Message, Provenance, Role
from chatapp.conversation.persona import Persona
from chatapp.conversation.query import read_query
from chatapp.conversation.session import Session
from chatapp.conversation.tree import Tree
from chatapp.store import Store, search

DAY = 24 * 3600 * 1000
SAID = [
    (Role.USER, "The keeper trimmed the lamp"),
    (Role.ASSISTANT, "A café by the sea: the lamp was lit, the min-p was 0.1"),
    (Role.USER, "我家的猫咪很可爱"),
    (Role.ASSISTANT, "แมวของฉันน่ารัก"),
    (Role.USER, "고양이가 귀엽다"),
    (Role.ASSISTANT, "Lamps, lampions 🎉 and a storm"),
]


def a_session(said=SAID, *, persona="Tutor", tags=(), model="/models/smol.gguf", title="On lamps") -> Session:
    messages = [
        Message(
            number,
            "",
            number - 1 or None,
            role,
            text,
            created_ms=number * DAY,
            provenance=Provenance(model_name="SmolLM2" if role is Role.ASSISTANT else ""),
        )
        for number, (role, text) in enumerate(said, 1)
    ]
    return Session(0, "", title, Persona(name=persona), Tree(messages), model=model, tags=tags)


@pytest.fixture
async def filled(store: Store) -> Store:
    await store.adopt(a_session(tags=("light",)))
    await store.adopt(a_session([(Role.USER, "The keeper of bees")], persona="Poet", model=None, title="Bees"))
    return store


async def found(store: Store, text: str, *, typing: bool = False) -> list[str]:
    hits = await store.search(read_query(text, typing=typing))
    return [hit.snippet for hit in hits]


@pytest.mark.parametrize(
    ("typed", "many"),
    [
        ("keeper", 2),
        ("KEEPER lamp", 1),
        ("lamp", 2),
        ("lamp*", 3),
        ('"the lamp"', 2),
        ('"lamp the"', 0),
        ("bees OR storm", 2),
        ("bees | storm | 猫咪", 3),
        ("keeper NOT bees", 1),
        ("keeper -bees", 1),
        ("cafe", 1),
        ("min-p", 1),
        ("猫", 1),
        ("猫咪", 1),
        ("猫咪很可爱", 1),
        ("แมว", 1),
        ("고양이", 1),
        ("🎉", 1),
        ("🎉 storm", 1),
        ("storm -🎉", 0),
        ("role:user", 4),
        ("role:user keeper persona:tut", 1),
        ("model:smol", 6),
        ("model:smollm2 role:assistant", 3),
        ("tag:light lamp", 2),
        ("tag:dark lamp", 0),
        ("-keeper", 5),
        ("after:1970-01-06", 2),
        ("before:1970-01-03 lamp", 1),
        ("", 0),
        ("zebra", 0),
    ],
)
async def test_a_query_finds_what_it_says(filled: Store, typed: str, many: int, monkeypatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    assert len(await found(filled, typed)) == many


async def test_while_typing_the_last_word_may_go_on(filled: Store) -> None:
    assert len(await found(filled, "lam", typing=True)) == 3
    assert len(await found(filled, "lam", typing=False)) == 0
    assert len(await found(filled, "lam ", typing=True)) == 0


async def test_the_newest_comes_first_and_a_snippet_marks_the_words(store: Store) -> None:
    await store.adopt(a_session([(Role.USER, "word " * 40 + "the Éclair is here " + "word " * 40)]))
    await store.adopt(a_session([(Role.ASSISTANT, "an eclair")]))
    newest, oldest = await store.search(read_query("eclair"))
    assert (newest.snippet, newest.marks) == ("an eclair", ((3, 9),))
    assert oldest.snippet.startswith("…")
    assert oldest.snippet.endswith("…")
    assert [oldest.snippet[begin:end] for begin, end in oldest.marks] == ["Éclair"]
    assert (oldest.role, oldest.title) == (Role.USER, "On lamps")


ODD = [
    *(
        '"',
        "(",
        ")",
        "*",
        '"*"',
        "^a",
        "a:b",
        "body:a",
        "{a}",
        "NEAR(a b)",
        "+",
        "'",
        "--",
        "-",
        ":",
        "%",
        "_",
        "\\",
    ),
    *("AND", "OR", "NOT", "a AND", "NOT NOT", "role:", "role:nobody", "after:never", "after:9999-99-99", "100%"),
    *("a\0b", "c++", "\u202e", "a" * 9999, " ".join(["a"] * 200), " OR ".join(["猫"] * 200), "-猫 -🎉 -x"),
]


@pytest.mark.parametrize("typed", ODD)
async def test_whatever_is_typed_is_answered(filled: Store, typed: str) -> None:
    await found(filled, typed)
    await found(filled, typed, typing=True)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=()), max_size=40))
def test_any_text_is_a_query(typed: str) -> None:
    async def ask() -> None:
        store = await Store.temporary()
        await store.adopt(a_session())
        await found(store, typed, typing=True)
        await store.close()

    asyncio.run(ask())


async def test_what_is_not_understood_is_said() -> None:
    assert read_query("after:soon lamp role:bee").passed_over == (
        "‘after:soon’ was passed over: write a date as 2026-01-31.",
        "‘role:bee’ was passed over: it is user, assistant or system.",
    )


async def test_the_trash_is_not_searched(filled: Store) -> None:
    head = next(head for head in await filled.sessions() if head.title == "Bees")
    await filled.trash(head.id)
    assert len(await found(filled, "keeper")) == 1


async def test_a_temporary_chat_is_searched_too() -> None:
    store = await Store.temporary()
    await store.adopt(a_session())
    assert len(await found(store, "keeper")) == 1
    await store.close()


async def test_a_search_waits_for_no_write(filled: Store, path: Path) -> None:
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")  # held all the while
    assert len(await asyncio.wait_for(found(filled, "keeper"), 3)) == 2
    other.execute("ROLLBACK")
    other.close()


async def test_a_search_that_is_no_longer_wanted_ends(filled: Store, monkeypatch) -> None:
    reached = asyncio.Event()
    loop = asyncio.get_running_loop()

    def endless(connection, query, limit):
        if query.groups[0][0].text != "slow":
            return search.search(connection, query, limit)
        loop.call_soon_threadsafe(reached.set)
        return connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
        ).fetchall()

    monkeypatch.setattr("chatapp.store.reader.search", endless)
    task = asyncio.create_task(filled.search(read_query("slow")))
    await reached.wait()
    task.cancel()
    assert len(await asyncio.wait_for(filled.search(read_query("keeper")), 10)) == 2


async def test_texts_of_scripts_without_spaces_are_listed_apart(filled: Store) -> None:
    plans: list[str] = []

    def explained(connection: apsw.Connection) -> None:
        connection.exec_trace = lambda _cursor, sql, values: plans.append((sql, values)) or True
        search.search(connection, read_query("猫"), 5)
        connection.exec_trace = None
        [(sql, values)] = plans
        plans[:] = [str(connection.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall())]

    await filled._do(explained)
    assert "message_unspaced" in plans[0]
