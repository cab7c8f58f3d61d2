"""The sessions column: groups by date, what stands on a line, its keys, renaming, the trash, thousands of rows."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.style import Style
from textual import events
from textual.app import App
from textual.widgets import Input

from chatapp.conversation.session import SessionHead
from chatapp.tui.lines import width
from chatapp.tui.look import look_of
from chatapp.tui.themes import INK
from chatapp.tui.widgets import session_lines
from chatapp.tui.widgets.session_lines import Roll, group_of, when
from chatapp.tui.widgets.sessions import SessionList

ZONE = timezone(timedelta(hours=2))
NOW = datetime(2026, 11, 23, 14, 0, tzinfo=ZONE)


def at(day, hour=12, minute=0, month=11, year=2026):
    return datetime(year, month, day, hour, minute, tzinfo=ZONE)


def head(uid, title, moment, **more):
    return SessionHead(id=1, uid=uid, title=title, updated_ms=int(moment.timestamp() * 1000), **more)


HEADS = [
    head("a", "Sampling, explained", NOW, leaves=3, ending="When you want a budget and not a threshold."),
    head("b", "Letter to the landlord", at(23, 9, 12), leaves=1),
    head("c", "Regex for dates", at(23, 8, 40), leaves=2, streaming=True),
    head("d", "Sonnet about rain", at(22, 18), leaves=5, has_draft=True),
    head("e", "Board minutes", at(22, 17, 20)),
    head("f", "Trip to Ghent", at(19)),
    head("g", "SQL windows", at(16), leaves=2),
    head("h", "Names for a boat that is not yet built", at(9, month=10), leaves=8),
    head("i", "Older", at(9, year=2025)),
]


class Host(App[None]):
    """An owner as the main screen is one: it keeps the sessions, and shows them again after each wish."""

    def __init__(self, heads, current):
        super().__init__()
        self.heads, self.gone, self.current = list(heads), {}, current
        self.heard = []

    def compose(self):
        yield SessionList()

    def on_mount(self):
        self.register_theme(INK)
        self.theme = "ink"
        self.show()
        self.list.focus()

    @property
    def list(self):
        return self.query_one(SessionList)

    def show(self):
        heads = sorted(self.heads, key=lambda head: -head.updated_ms)
        self.list.show(heads, self.current, now=NOW, model="SmolLM2 135M", quantisation="Q4_1")

    def on_session_list_opened(self, message):
        self.heard.append(("opened", message.uid))
        self.current = message.uid
        self.show()

    def on_session_list_renamed(self, message):
        self.heard.append(("renamed", message.uid, message.title))
        next(head for head in self.heads if head.uid == message.uid).title = message.title
        self.show()

    def on_session_list_trashed(self, message):
        self.heard.append(("trashed", message.uid))
        self.gone |= {head.uid: head for head in self.heads if head.uid == message.uid}
        self.heads = [head for head in self.heads if head.uid != message.uid]
        self.show()

    def on_session_list_restored(self, message):
        self.heard.append(("restored", message.uid))
        self.heads.append(self.gone.pop(message.uid))
        self.show()

    def on_session_list_leave(self):
        self.heard.append("leave")

    def lines(self):
        return [self.list.render_line(y).text.rstrip() for y in range(self.list.size.height)]

    def highlighted(self):
        """The text on the ground of the selection."""
        ground = look_of(self).selection.bgcolor
        strips = [self.list.render_line(y) for y in range(self.list.size.height)]
        marked = [strip.text for strip in strips if any(s.style and s.style.bgcolor == ground for s in strip)]
        return " / ".join(" ".join(text.split()) for text in marked)


@asynccontextmanager
async def running(heads=HEADS, current="a", size=(120, 36)):
    app = Host([SessionHead(**{f: getattr(h, f) for f in h.__slots__}) for h in heads], current)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield app, pilot


async def test_the_column_is_drawn_as_designed_at_31_cells():
    async with running() as (app, _):
        assert app.list.size == (31, 36)
        assert app.lines() == [
            "",
            "   Sessions",
            "",
            "   today",
            " ▎ Sampling, explained ‹3› now",
            "   Letter to the landlord 9:12",
            "   Regex for dates ‹2›       ●",
            "",
            "   yesterday",
            "   Sonnet about rain ‹5› draft",
            "   Board minutes         17:20",
            "",
            "   november",
            "   Trip to Ghent           Thu",
            "   SQL windows ‹2›      16 Nov",
            "",
            "   october",
            "   Names for a boat… ‹8› 9 Oct",
            "",
            "   november 2025",
            "   Older            9 Nov 2025",
            *[""] * 13,
            "   SmolLM2 135M Q4_1",
            "",
        ]


async def test_a_large_terminal_gives_a_wider_column_and_a_second_line_for_how_they_end():
    async with running(size=(200, 60)) as (app, pilot):
        assert app.list.size.width == 38
        assert app.lines()[3:9] == [
            "   today",
            "",
            " ▎ Sampling, explained ‹3›        now",
            "   When you want a budget and not a…",
            "",
            "   Letter to the landlord        9:12",
        ]
        assert app.highlighted().startswith("▎ Sampling, explained ‹3› now / When you want")
        await pilot.resize_terminal(200, 40)
        assert app.lines()[5] == "   Letter to the landlord        9:12"
        await pilot.resize_terminal(120, 60)
        assert app.list.size.width == 31


async def test_a_low_terminal_has_no_empty_first_line():
    async with running(size=(80, 24)) as (app, _):
        assert app.lines()[:3] == ["   Sessions", "", "   today"]
        assert app.lines()[-2:] == ["   SmolLM2 135M Q4_1", ""]


async def test_an_empty_list_says_what_to_do():
    async with running(heads=[], current=None) as (app, pilot):
        assert " ".join(" ".join(app.lines()[3:6]).split()) == "No sessions yet. Write something."
        await pilot.press("enter", "r", "delete", "u", "up", "down", "pagedown", "end")
        assert app.heard == []


async def test_the_highlight_is_seen_only_while_the_list_has_the_focus():
    async with running(current="e") as (app, pilot):
        assert app.highlighted() == "▎ Board minutes 17:20"
        app.set_focus(None)
        await pilot.pause()
        assert app.highlighted() == ""
        assert " ▎ Board minutes         17:20" in app.lines()


async def test_keys_walk_over_sessions_and_skip_the_headings():
    async with running() as (app, pilot):
        stops = []
        for key in ("up", "down", "down", "down", "end", "down", "home", "pagedown", "pageup"):
            await pilot.press(key)
            stops.append(app.highlighted().split()[0])
        assert stops == [*["▎", "Letter", "Regex", "Sonnet", "Older", "Older", "▎", "Older", "▎"]]


async def test_enter_opens_and_escape_leaves():
    async with running() as (app, pilot):
        await pilot.press("down", "enter", "escape")
        assert app.heard == [("opened", "b"), "leave"]
        assert " ▎ Letter to the landlord 9:12" in app.lines()


async def test_a_click_opens_what_is_under_it_and_headings_are_no_sessions():
    async with running() as (app, pilot):
        await pilot.click(SessionList, offset=(6, 8))
        await pilot.click(SessionList, offset=(6, 11))
        await pilot.click(SessionList, offset=(6, 34))
        assert app.heard == []
        await pilot.click(SessionList, offset=(6, 10))
        assert app.heard == [("opened", "e")]


async def test_renaming_starts_from_the_title_and_enter_accepts():
    async with running() as (app, pilot):
        await pilot.press("down", "r")
        field = app.query_one(Input)
        assert field.value == "Letter to the landlord"
        assert (field.region.x, field.region.y, field.region.height) == (3, 5, 1)
        await pilot.press(*["backspace"] * 8, *"sea", "enter")
        assert app.heard == [("renamed", "b", "Letter to the sea")]
        assert app.list.has_focus
        assert app.highlighted() == "Letter to the sea 9:12"
        assert not app.query(Input)


@pytest.mark.parametrize("keys", [["x", "escape"], ["enter"], ["ctrl+u", "enter"], ["ctrl+u", "space", "enter"]])
async def test_a_title_is_kept_on_escape_when_unchanged_and_when_empty(keys):
    async with running() as (app, pilot):
        await pilot.press("r", *keys)
        assert app.heard == []
        assert app.list.has_focus
        assert " ▎ Sampling, explained ‹3› now" in app.lines()


async def test_keys_of_the_list_are_letters_while_a_title_is_typed():
    async with running() as (app, pilot):
        await pilot.press("r", "u", "r", "up", "down", "delete", "enter")
        assert app.heard == [("renamed", "a", "Sampling, explainedur")]


async def test_the_field_follows_its_row_and_goes_with_it():
    async with running() as (app, pilot):
        await pilot.press("end", "up", "up", "r")
        app.heads = app.heads[2:]
        app.show()
        await pilot.pause()
        row = next(y for y, line in enumerate(app.lines()) if "SQL windows" in line)
        assert app.query_one(Input).region.y == row
        app.heads = app.heads[:2]
        app.show()
        await pilot.pause()
        assert not app.query(Input)
        assert app.heard == []


async def test_going_elsewhere_keeps_the_old_title():
    async with running() as (app, pilot):
        await pilot.press("r", "x")
        app.set_focus(None)
        await pilot.pause()
        assert not app.query(Input)
        assert app.heard == []


async def test_the_window_losing_the_focus_does_not_lose_the_title():
    async with running() as (app, pilot):
        await pilot.press("r", "x")
        app.post_message(events.AppBlur())
        await pilot.pause()
        app.post_message(events.AppFocus())
        await pilot.pause()
        await pilot.press("y", "enter")
        assert app.heard == [("renamed", "a", "Sampling, explainedxy")]


async def test_trash_says_how_to_undo_and_undo_brings_back_the_last_one_first():
    async with running() as (app, pilot):
        await pilot.press("down", "delete")
        assert app.lines()[-3:] == ["   Moved to the trash.", "   u brings it back.", ""]
        assert app.highlighted() == "Regex for dates ‹2› ●"
        await pilot.press("delete", "u")
        assert app.lines()[-2] == "   SmolLM2 135M Q4_1"
        assert app.highlighted() == "Regex for dates ‹2› ●"
        await pilot.press("u", "u")
        assert app.highlighted() == "Letter to the landlord 9:12"
        assert app.heard == [("trashed", "b"), ("trashed", "c"), ("restored", "c"), ("restored", "b")]


async def test_the_last_session_can_go_and_come_back():
    async with running(heads=HEADS[:1]) as (app, pilot):
        await pilot.press("delete", "delete")
        assert "   No sessions yet. Write" in app.lines()
        await pilot.press("u")
        assert app.heard == [("trashed", "a"), ("restored", "a")]
        assert app.highlighted().startswith("▎ Sampling")


async def test_the_highlight_stays_on_its_session_when_the_list_changes_above_it():
    async with running() as (app, pilot):
        await pilot.press("down", "down", "down")
        app.heads.append(head("z", "Newest", NOW))
        app.show()
        await pilot.pause()
        assert app.highlighted() == "Sonnet about rain ‹5› draft"


MANY = [head(f"{n}", f"Session {n}", NOW - timedelta(hours=n)) for n in range(10_000)]


async def test_of_ten_thousand_sessions_only_those_on_the_screen_are_drawn(monkeypatch):
    drawn = []
    one = session_lines.title_line
    monkeypatch.setattr(session_lines, "title_line", lambda h, *a, **k: drawn.append(h.uid) or one(h, *a, **k))
    async with running(heads=MANY, current="0") as (app, pilot):
        assert 10 < len(set(drawn)) <= 36
        drawn.clear()
        await pilot.press("end")
        assert app.highlighted().startswith("Session 9999 ")
        assert len(set(drawn)) <= 36
        await pilot.press("pageup", "home", "pagedown", "pagedown")
        assert int(app.highlighted().split()[1]) == 2 * 29
        assert any(f"Session {2 * 29} " in line for line in app.lines())


async def test_the_wheel_scrolls_and_leaves_the_highlight():
    async with running(heads=MANY, current="0") as (app, pilot):
        top = app.lines()[3]
        for _ in range(4):
            turn(app, events.MouseScrollDown)
        await pilot.pause()
        assert app.lines()[3] != top
        assert app.highlighted() == ""
        await pilot.press("down")
        assert app.highlighted().startswith("Session 1 ")
        for _ in range(4):
            turn(app, events.MouseScrollUp)
        await pilot.pause()
        assert app.lines()[3] == top


def turn(app, wheel):
    app.list.post_message(wheel(app.list, 5, 5, 0, 1, 0, shift=False, meta=False, ctrl=False))


HOSTILE = [
    "\x1b]0;owned\x07",
    "\x1b[2J",
    "\u202edlrow",
    "[red]x[/]",
    "[/]",
    "a\nb\tc",
    "\x9b31m",
    "",
    "é̂" * 40,
    "漢字" * 40,
]


@pytest.mark.parametrize("title", HOSTILE)
async def test_hostile_titles_endings_and_models_are_data(title):
    heads = [head("a", title, NOW, leaves=2, ending=title), head("b", "Plain", NOW)]
    async with running(heads=heads, size=(200, 60)) as (app, pilot):
        app.list.show(heads, "a", now=NOW, model=title, quantisation="Q4")
        await pilot.press("r")
        text = "".join(app.lines()) + app.query_one(Input).value
        assert text.isprintable() or not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in text)
        assert "\u202e" not in text
        assert not title.startswith("[") or title in text
        assert all(app.list.render_line(y).cell_length == 38 for y in range(60))
        await pilot.press("enter")
        assert app.heard == []


async def test_a_title_is_stored_on_one_line_without_what_cannot_be_stored():
    async with running() as (app, pilot):
        await pilot.press("r")
        app.query_one(Input).value = " new\x00\ttitle \ud800 "
        await pilot.press("enter")
        assert app.heard == [("renamed", "a", "new\ufffd title \ufffd")]


@pytest.mark.parametrize(
    ("moment", "said", "group"),
    [
        (NOW - timedelta(seconds=59), "now", "today"),
        (NOW - timedelta(seconds=61), "13:58", "today"),
        (at(23, 0, 5), "0:05", "today"),
        (at(22, 23, 59), "23:59", "yesterday"),
        (at(21, 23), "Sat", "november"),
        (at(17, 1), "Tue", "november"),
        (at(16, 23), "16 Nov", "november"),
        (at(1, month=3), "1 Mar", "march"),
        (at(31, month=12, year=2025), "31 Dec 2025", "december 2025"),
        (NOW + timedelta(hours=2), "16:00", "today"),
    ],
)
def test_dates_are_as_short_as_they_can_be(moment, said, group):
    assert (when(moment, NOW), group_of(moment, NOW)) == (said, group)


def test_the_first_days_of_a_year_look_back_into_the_last_one():
    new_year = at(2, month=1)
    assert group_of(at(31, month=12, year=2025), new_year) == "december 2025"
    assert when(at(31, month=12, year=2025), new_year) == "Wed"
    assert group_of(at(1, month=1), new_year) == "yesterday"


MOVES = st.lists(st.tuples(st.sampled_from(["stand", "scroll", "room"]), st.integers(-30, 60)), max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.booleans(), MOVES)
def test_whatever_moves_the_view_stays_in_the_list_and_shows_what_is_stood_on(count, roomy, moves):
    roll = Roll()
    roll.heads = MANY[: count * 7 : 7]
    room = 10
    roll.arrange(NOW, room=room, roomy=roomy)
    for move, number in moves:
        before, scrolled = room, roll.top
        if move == "stand":
            roll.stand_on(number)
        elif move == "scroll":
            roll.scroll(number)
        else:
            room = max(4, number)
            roll.arrange(NOW, room=room, roomy=roomy)
        assert 0 <= roll.top <= max(0, len(roll.rows) - room)
        if move == "room" and room == before:
            assert roll.top == scrolled
        elif move != "scroll" and roll.head:
            assert 0 <= roll.place < room
            assert roll.row(roll.place) == ("title", roll.at)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.integers(0, 10_000), st.booleans(), st.sampled_from([31, 38]))
def test_a_line_is_never_wider_than_the_column(title, leaves, old, cells):
    class Bare:
        muted = faint = strong = text = accent = selection = Style()

    one = head("a", title, at(1, year=2020) if old else NOW, leaves=leaves)
    line = session_lines.title_line(one, NOW, Bare(), cells, current=False, highlighted=True)
    assert width(line) == cells
