"""Standing on a message: the mark, the details, the keys, and selecting with the mouse."""

from __future__ import annotations

import pytest
from conftest import OpenPage
from textual.geometry import Offset
from textual.selection import Selection
from transcript_samples import chat

from chatapp.tui.widgets.transcript import Entry, Transcript

LONG = Entry(1, asks=True, text="\n".join(f"line {number}" for number in range(220)))


async def test_up_and_down_go_from_message_to_message(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        app.page.show(chat(30))
        app.page.focus()
        await pilot.pause()
        assert app.page.cursor == 59
        for key in range(58, 30, -1):
            await pilot.press("up")
            assert app.page.cursor == key
            assert any("▎" in line for line in app.lines())
        await pilot.press("down")
        assert app.page.cursor == 32
        await pilot.press("G")
        assert app.page.following
        await pilot.press("g")
        assert app.lines()[0] == "    › Question 0?"


async def test_details_stand_below_the_message_one_stands_on(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        app.page.show([
            Entry(1, asks=True, text="Why?"),
            Entry(2, asks=False, text="Because.", place=(2, 3), details="96 tokens   31.2 tok/s"),
        ])  # fmt: skip
        await pilot.pause()
        assert "96 tokens" not in "".join(app.lines())
        app.page.stand_on(2)
        await pilot.pause()
        assert app.lines()[2:5] == ["    ▎ Because.", "    ▎", "    ▎ ‹2/3›   96 tokens   31.2 tok/s"]
        app.page.stand_on(None)
        assert "96 tokens" not in "".join(app.lines())


async def test_a_long_question_folds_and_enter_opens_it(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        app.page.show([LONG])
        app.page.focus()
        await pilot.pause()
        assert [line.strip(" ▎›") for line in app.lines()[5:7]] == ["line 5", "… 214 more lines, enter opens"]
        await pilot.press("enter")
        await pilot.press("G")
        assert app.lines()[-1].endswith("line 219")
        await pilot.press("enter")
        await pilot.pause()
        assert app.lines()[6].endswith("… 214 more lines, enter opens")


@pytest.mark.parametrize(
    ("key", "kind"),
    [("e", Transcript.Edit), ("r", Transcript.Again), ("left", Transcript.Sibling)],
)
async def test_keys_say_what_is_wanted_of_the_message(open_page: OpenPage, key: str, kind: type) -> None:
    async with open_page() as (app, pilot):
        app.page.show(chat(3))
        app.page.focus()
        app.page.stand_on(3)
        await pilot.press(key)
        await pilot.pause()
        said = app.last(kind)
        assert said.key == 3
        assert getattr(said, "step", -1) == -1


async def test_copy_takes_the_source(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        app.page.show([Entry(1, asks=False, text="Some **bold** words.")])
        app.page.focus()
        await pilot.press("c")
        await pilot.pause()
        assert app.clipboard == app.last(Transcript.Copied).text == "Some **bold** words."


@pytest.mark.parametrize(("key", "character"), [("escape", None), ("W", "W"), ("question_mark", "?"), ("ü", "ü")])
async def test_any_other_letter_goes_back_to_writing(open_page: OpenPage, key: str, character: str | None) -> None:
    async with open_page() as (app, pilot):
        app.page.show(chat(3))
        app.page.focus()
        await pilot.press(key)
        await pilot.pause()
        assert app.last(Transcript.ToComposer).character == character


async def test_keys_on_an_empty_page_do_no_harm(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        app.page.focus()
        await pilot.press("up", "left", "e", "r", "c", "d", "enter", "pageup", "G", "g")
        assert app.page.cursor is None


async def test_the_mark_goes_with_the_focus(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        app.page.show(chat(3))
        app.page.focus()
        await pilot.pause()
        assert app.page.cursor is not None
        app.set_focus(None)
        await pilot.pause()
        assert app.page.cursor is None


async def test_the_mouse_selects_rendered_text_across_messages(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        app.page.show([
            Entry(1, asks=True, text="Why is that?"),
            Entry(2, asks=False, text="Some **bold** words."),
            Entry(3, asks=True, text="I see 日本."),
        ])  # fmt: skip
        await pilot.pause()
        lines = app.lines()
        top, bottom = lines.index("    › Why is that?"), lines.index("    › I see 日本.")
        await pilot.mouse_down(app.page, offset=(6 + 4, top))
        await pilot.hover(app.page, offset=(6 + 4, bottom))
        await pilot.mouse_up(app.page, offset=(6 + 4, bottom))
        await pilot.pause()
        assert app.screen.get_selected_text() == "is that?\n\nSome **bold** words.\n\nI see"
        grounds = {segment.style.bgcolor for segment in app.page.render_lines(app.page.size.region)[top]}
        assert len(grounds) == 2


async def test_a_selection_that_ends_between_messages_takes_nothing_of_the_next(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        app.page.show([Entry(1, asks=True, text="Why is that?"), Entry(2, asks=False, text="Because.")])
        await pilot.pause()
        await pilot.mouse_down(app.page, offset=(6 + 4, 0))
        await pilot.hover(app.page, offset=(6 + 9, 1))
        await pilot.mouse_up(app.page, offset=(6 + 9, 1))
        await pilot.pause()
        assert app.screen.get_selected_text() == "is that?"


async def test_a_part_of_a_message_is_selected_as_it_is_rendered(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        app.page.show([Entry(1, asks=False, text="# Head\n\nSome **bold** words.\n\n- item")])
        await pilot.pause()
        selected, _ = app.page.get_selection(Selection(Offset(2, 1), Offset(18, 1)))
        assert selected == "ad\n\nSome bold wo"
        whole, _ = app.page.get_selection(Selection(None, None))
        assert whole == "# Head\n\nSome **bold** words.\n\n- item"


async def test_every_cell_of_a_row_says_which_character_it_shows(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        app.page.show([Entry(1, asks=False, text="a 日本 b\n\n```\ncode\n```")])
        await pilot.pause()
        for line, column, character in [
            (0, 6, "a"),
            (0, 8, "日"),
            (0, 10, "本"),
            (0, 13, "b"),
            (3, 8, "c"),
            (3, 11, "e"),
        ]:
            _, offset = app.screen.get_widget_and_offset_at(column, line)
            assert app.page.column.view(1).text(app.page.column.sheet)[offset.x] == character
