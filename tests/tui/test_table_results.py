"""What a persona with a schema says is a table: while it is written, when it has ended, and in the next start."""

from __future__ import annotations

import pytest
from test_main_screen import SLOW, home, open_app  # noqa: F401  fixtures

REPLY = '{"because": "cold and rude", "sentiment": "negative"}'


@pytest.fixture(autouse=True)
def _speaks_json(monkeypatch):
    monkeypatch.setattr("test_main_screen.REPLY", REPLY)


def shown(person):
    """The last message as it is drawn, a row a line."""
    column = person.screen.page.transcript.column
    rows = column.rows(column.last)
    return [text for row in rows if (text := "".join(part for part, _ in row.line).rstrip(" ▌"))]


async def test_a_result_is_a_table_while_it_streams_at_its_end_and_after_a_restart(open_app):  # noqa: F811
    async with open_app(persona="Sentiment") as person:
        await person.ask("The soup was cold and the waiter rude.")
        assert any(line.split()[:1] == ["sentiment"] for line in shown(person))
        assert not any("{" in line for line in shown(person))
    async with open_app(continue_newest=True) as person:
        assert any(line.split() == ["sentiment", "negative"] for line in shown(person))
        await person.press("shift+up", "enter")
        assert any(REPLY in line for line in shown(person))


async def test_a_beginning_is_a_table_already(open_app):  # noqa: F811
    async with open_app(persona="Sentiment", pace=SLOW) as person:
        await person.say("The soup was cold and the waiter rude.")
        await person.until(lambda: any("because" in line for line in shown(person)))
        assert not any("{" in line for line in shown(person))
