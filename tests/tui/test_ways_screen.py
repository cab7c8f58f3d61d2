"""Several replies side by side in the app, with the real model: begun, looked at, stopped, kept or thrown away."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from person import Person

from chatapp.config import Settings
from chatapp.conversation.decision import TokenRecord
from chatapp.conversation.message import Message, Role, Status, StopReason
from chatapp.home import Home
from chatapp.paths import Paths
from chatapp.tui.app import ChatApp
from chatapp.tui.look import look_of
from chatapp.tui.screens.main import MainScreen
from chatapp.tui.screens.ways import WaysScreen
from chatapp.tui.screens.ways_start import WaysStart
from chatapp.tui.start import Start
from chatapp.tui.ways_lines import Column, columns, parting_lines

QUESTION = "Write a very long story about a lighthouse keeper and the sea."


class Chooser(Person):
    """A person who asks for several replies."""

    async def ask_many(self, count, *, length):
        await self.screen.tune({"max_tokens": length, "seed": 7})
        await self.type(QUESTION)
        await self.press("f6")
        await self.until(lambda: isinstance(self.app.screen, WaysStart))
        await self.press(str(count), "enter")
        await self.until(lambda: isinstance(self.app.screen, WaysScreen), 60)

    @property
    def ways(self):
        return self.app.screen

    @property
    def replies(self):
        return [column.reply for column in self.ways._columns]

    async def ended(self):
        await self.until(lambda: self.chat.streaming is None and not self.desk.turns.busy, 120)

    async def chosen(self):
        await self.until(lambda: isinstance(self.app.screen, MainScreen))
        await self.until(lambda: not [w for w in self.app.workers if w.group == "branch" and not w.is_finished])

    def text(self):
        """What is on the screen, line by line."""
        page = self.ways._page
        return [page.render_line(y).text.rstrip() for y in range(page.size.height)]


@pytest.fixture
def chooser(tmp_path, model_path):
    """Starts the app with the embedded model."""

    @asynccontextmanager
    async def start(size=(120, 36)):
        home = Home.open(Paths.default(str(tmp_path)))
        Settings(notifications=False).save(home.paths.settings)
        app = ChatApp(home.paths, Start(model=str(model_path)))
        async with app.run_test(size=size) as pilot:
            person = Chooser(app, pilot)
            await person.until(lambda: isinstance(app.screen, MainScreen) and app.screen.furnished.is_set(), 60)
            await person.until(lambda: person.desk.model.ready, 60)
            yield person
            await app.action_leave()

    return start


async def test_one_is_kept_and_the_others_come_back_from_the_trash(chooser):
    """Four temperatures: the second is chosen, the fourth marked; u on the page undoes what went."""
    async with chooser() as person:
        await person.ask_many(4, length=12)
        await person.ended()
        assert [len(reply.token_ids) > 0 for reply in person.replies] == [True] * 4
        shown = "\n".join(person.text())
        assert "Four ways" in shown
        assert QUESTION in shown
        assert all(f"temp {degree}" in shown for degree in (0.2, 0.6, 1.0, 1.4))
        second, fourth = person.replies[1], person.replies[3]
        await person.press("left", "space", "left", "left", "enter")
        await person.chosen()
        kept = await person.kept()
        assert [m.id for m in kept.tree.all() if m.role is Role.ASSISTANT] == [second.id, fourth.id]
        assert kept.tree.tip().id == second.id
        assert kept.tree.tip().text == second.text
        assert person.draft == ""
        assert sum(one.messages for one in await person.chat.branches.pruned()) == 2
        await person.press("shift+up", "u")
        await person.until(lambda: len(person.chat.session.tree.siblings(second.id)) == 3)


async def test_one_is_stopped_then_all_and_leaving_keeps_all(chooser):
    """At 80x24 two columns are in view; x stops the one looked at, esc all, esc again keeps them as siblings."""
    async with chooser((80, 24)) as person:
        await person.ask_many(3, length=300)
        await person.until(lambda: all(reply.text for reply in person.replies), 60)
        await person.press("x")
        await person.until(lambda: person.replies[0].status is not Status.STREAMING, 30)
        assert person.replies[0].provenance.stop_reason is StopReason.CANCELLED
        await person.press("escape")
        await person.ended()
        assert Status.STOPPED in {reply.status for reply in person.replies} <= {Status.STOPPED, Status.COMPLETE}
        shown = person.text()
        assert any("A  temp 0.2" in line and "B  temp 0.8" in line for line in shown)
        assert not any("C  temp 1.4" in line for line in shown)
        await person.press("right", "right")
        assert any("C  temp 1.4" in line for line in person.text())
        last = person.replies[2].id
        await person.press("escape")
        await person.chosen()
        kept = await person.kept()
        assert len(kept.tree.siblings(last)) == 3
        assert kept.tree.tip().id == last


async def test_enter_while_they_are_written_stops_them_and_keeps_one(chooser):
    async with chooser() as person:
        await person.ask_many(2, length=300)
        await person.until(lambda: all(reply.text for reply in person.replies), 60)
        wanted = person.replies[1].id
        await person.press("right", "enter")
        await person.chosen()
        assert [m.id for m in (await person.kept()).tree.all() if m.role is Role.ASSISTANT] == [wanted]


# Drawing ----------------------------------------------------------------------------------------------------


def said(text, p=0.5):
    """A reply whose words are tokens."""
    pieces = [piece if not place else f" {piece}" for place, piece in enumerate(text.split(" "))]
    records = [
        TokenRecord(
            id=1,
            hex=piece.encode().hex(),
            logprob=-1,
            rank=1,
            entropy=1,
            p=p,
            kept=1,
            mass=1,
            log_z=0,
            stage="draw",
        )
        for piece in pieces
    ]
    return Message(1, "u", None, Role.ASSISTANT, text, token_ids=[1] * len(pieces), records=records)


@pytest.fixture
async def look():
    app = ChatApp.__new__(ChatApp)
    ChatApp.__init__(app, Paths.default(None), Start())
    async with app.run_test(size=(80, 24)):
        yield look_of(app)


async def test_columns_fill_exactly_their_cells_whatever_is_said(look):
    """Totals stand on one line; control characters and wide ones are drawn as they must be."""
    texts = [
        "The sea is calm.\n\n\x1b[31mred " + "long " * 80,
        "The sea 漢字漢字漢字漢字漢字漢字 is",
        "",
        "x" * 300,
    ]
    shown = [Column(letter, f"temp {letter}", said(text)) for letter, text in zip("ABCD", texts, strict=True)]
    for cells, lines, first, count in ((111, 20, 0, 4), (76, 12, 0, 2), (76, 12, 2, 2), (40, 8, 0, 2)):
        drawn = columns(shown[first : first + count], shown, 1, look, (cells, lines))
        rows = ["".join(text for text, _ in line) for line in drawn]
        assert "\x1b" not in "".join(rows)
        assert rows[-1].count("token") == rows[-1].count("done") == count
        assert {sum(2 if "⺀" <= c <= "鿿" else 1 for c in row) <= cells for row in rows} == {True}


async def test_where_they_part_shows_each_own_word_with_its_chance(look):
    texts = ["The sea is calm.", "The sea was calm.", "A gull cries."]
    shown = [
        Column(letter, "", said(text, p)) for letter, text, p in zip("ABC", texts, (0.31, 0.12, 0.02), strict=True)
    ]
    rows = ["".join(text for text, _ in line) for line in parting_lines(shown, 0, look, 80)]
    assert rows[2].startswith("─┬─ The sea ─┬─ A  is ·")
    assert rows[2].endswith(".31")
    assert rows[3].startswith(" │           ╰─ B  was")
    assert rows[3].endswith(".12")
    assert rows[4].startswith(" ╰─ C  A ")
    assert rows[4].endswith(".02")
