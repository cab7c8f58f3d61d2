"""The screen of keys, and the drawer."""

from __future__ import annotations

from typing import ClassVar

import pytest
from textual.app import App
from textual.binding import Binding
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from chatapp.tui.screens.drawer import Drawer
from chatapp.tui.screens.keys import KeysPage, KeysScreen, groups_from, key_name
from chatapp.tui.screens.personas import PersonaPicker
from chatapp.tui.screens.sheet import Sheet
from chatapp.tui.themes import INK
from chatapp.tui.widgets.sampling import SamplingPanel
from chatapp.tui.widgets.sessions import SessionList
from chatapp.tui.widgets.status import READY, Context, State, StatusLine

AREAS = {
    "sampling": [SamplingPanel],
    "sessions": [SessionList],
    "personas": [PersonaPicker],
    "sheet": [Sheet],
}


class Host(App[None]):
    CSS_PATH = "../../chatapp/tui/styles/drawer.tcss"

    def __init__(self, screen):
        super().__init__()
        self.shown = screen

    def compose(self):
        yield Static("the page behind " * 300, markup=False)

    def on_mount(self):
        self.register_theme(INK)
        self.theme = "ink"
        self.push_screen(self.shown)

    def text(self):
        page = self.shown.query_one(KeysPage)
        return "\n".join("".join(s.text for s in page.render_line(y)).rstrip() for y in range(page.size.height))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("ctrl+q", "ctrl+q"),
        ("f1", "F1"),
        ("ctrl+l,f2", "ctrl+l F2"),
        ("shift+up", "shift+↑"),
        ("pageup", "pgup"),
        ("N,shift+n", "N"),
        ("question_mark", "?"),
        ("<", "<"),
        ("delete", "del"),
    ],
)
def test_keys_are_named_as_people_read_them(written, read):
    assert key_name(written) == read


def test_hidden_bindings_with_a_description_are_listed_and_those_without_are_not():
    class Some(Widget):
        BINDINGS: ClassVar = [Binding("x", "a", "Does it", show=False, id="some.x"), Binding("y", "b", "")]

    class Other(Widget):
        BINDINGS: ClassVar = [("z", "c", "other")]

    assert groups_from({"one": [Some, Other], "two": []}) == [("one", [("x", "does it"), ("z", "other")])]
    assert groups_from({"one": [Some]}, {"some.x": "f9"}) == [("one", [("F9", "does it")])]


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_every_key_can_be_reached(size):
    groups = groups_from(AREAS)
    app = Host(KeysScreen(groups, ["model  [red]SmolLM2 \x1b[31m"]))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        seen = app.text()
        for _ in range(6):
            await pilot.press("pagedown")
            seen += app.text()
        await pilot.press("home")
        for area, rows in groups:
            assert area in seen
            assert all(does in seen for _, does in rows)
        assert "[red]SmolLM2" in seen
        assert "\x1b" not in seen
        assert app.text().split("\n")[0 if size[1] < 30 else 1] == "    Keys"


async def test_wide_terminals_have_columns():
    app = Host(KeysScreen(groups_from(AREAS), []))
    async with app.run_test(size=(200, 60)) as pilot:
        await pilot.pause()
        heads = next(line for line in app.text().split("\n") if "sampling" in line)
        assert sum(area in heads for area in AREAS) == 3


@pytest.mark.parametrize("key", ["escape", "f1"])
async def test_escape_and_its_own_key_close_the_keys(key):
    app = Host(KeysScreen(groups_from(AREAS), []))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key)
        await pilot.pause()
        assert app.screen is not app.shown


def drawer(side, heard):
    column = SessionList() if side == "left" else SamplingPanel()
    return Drawer(column, side=side, keys=(("enter", "open"), ("esc", "page")), on_message=heard.append)


@pytest.mark.parametrize("side", ["left", "right"])
async def test_a_drawer_lies_at_its_edge_and_leaves_the_status_line_whole(side):
    app = Host(drawer(side, []))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        region = app.shown._column.region
        assert region.height == 22
        line = app.shown.query_one(StatusLine)
        assert (line.region.x, line.region.y, line.region.width) == (0, 22, 80)
        app.shown.show_status(READY, Context(1284, 8192))
        text = line.render_line(0).text
        assert "enter open   esc page" in text
        assert text.rstrip().endswith("1,284 / 8,192")
        app.shown.show_status(State("31.4 tok/s", "●", keys=(("esc", "stop"),)), None)
        assert "● 31.4 tok/s" in line.render_line(0).text
        assert (region.x == 0) if side == "left" else (region.right == 80)
        assert app.shown._column.has_focus


@pytest.mark.parametrize(("side", "key", "closes"), [
    ("left", "ctrl+l", True), ("left", "f2", True), ("left", "ctrl+t", False),
    ("right", "ctrl+t", True), ("right", "f3", True), ("right", "ctrl+l", False),
])  # fmt: skip
async def test_the_key_that_opened_a_drawer_closes_it(side, key, closes):
    app = Host(drawer(side, []))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key)
        await pilot.pause()
        assert (app.screen is not app.shown) == closes


async def test_a_click_on_the_page_closes_a_drawer_and_one_inside_does_not():
    app = Host(drawer("right", []))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.click(app.shown._column, offset=(5, 20))
        assert app.screen is app.shown
        await pilot.click(app.shown, offset=(5, 5))
        await pilot.pause()
        assert app.screen is not app.shown


async def test_what_the_column_says_reaches_the_owner_and_nothing_else_does():
    heard: list[Message] = []
    app = Host(drawer("right", heard))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("right", "escape")
        await pilot.pause()
        assert [type(message) for message in heard] == [SamplingPanel.Changed, SamplingPanel.Leave]


async def test_escape_closes_a_drawer_whose_column_does_not_want_it():
    app = Host(Drawer(Static("quiet"), side="left", keys=(), on_message=print))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is not app.shown
