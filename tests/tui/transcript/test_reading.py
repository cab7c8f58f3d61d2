"""What a reader sees: the end is followed only while one is there, and text under the eye stands still."""

from __future__ import annotations

import pytest
from conftest import OpenPage, PageApp
from textual.pilot import Pilot
from transcript_samples import chat

from chatapp.tui.widgets.transcript import Entry, Notice, Transcript, column

REPLY = Entry(10_001, asks=False, text="")
SIZES = [(80, 24), (120, 36)]


async def stream(app: PageApp, pilot: Pilot[None], text: str, size: int = 40) -> None:
    """Feed a text in pieces, with a frame after each."""
    for at in range(0, len(text), size):
        app.page.feed(text[at : at + size])
        app.page.paint_frame()
        await pilot.pause()


@pytest.mark.parametrize("size", SIZES)
async def test_the_end_is_followed_while_a_reply_grows(open_page: OpenPage, size: tuple[int, int]) -> None:
    async with open_page(*size) as (app, pilot):
        app.page.show(chat(20))
        app.page.begin(REPLY)
        await stream(app, pilot, "A line.\n\n" * 30)
        assert app.page.following
        assert app.lines()[-1].endswith("A line. ▌")
        app.page.settle(Entry(10_001, asks=False, text="All.\n\nThe end."))
        await pilot.pause()
        assert app.lines()[-1].strip() == "The end."


@pytest.mark.parametrize("size", SIZES)
async def test_scrolling_up_lets_go_and_coming_back_follows_again(
    open_page: OpenPage, size: tuple[int, int]
) -> None:
    async with open_page(*size) as (app, pilot):
        app.page.show(chat(20))
        app.page.focus()
        app.page.begin(REPLY)
        await stream(app, pilot, "One line. ")
        await pilot.press("pageup")
        await pilot.pause()
        before = app.lines()
        await stream(app, pilot, "More.\n\n" * 12)
        assert app.lines() == before
        assert not app.page.following
        assert app.page.new_lines_below >= 20
        said = app.last(Transcript.Followed)
        assert (said.following, said.below) == (False, app.page.new_lines_below)
        await pilot.press("end")
        await pilot.pause()
        assert app.page.following
        assert app.page.new_lines_below == 0
        assert app.last(Transcript.Followed).following


async def test_the_wheel_lets_go_too(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        app.page.show(chat(20))
        await pilot.pause()
        app.page._on_mouse_scroll_up(_wheel())
        await pilot.pause()
        assert not app.page.following
        for _ in range(3):
            app.page.scroll_relative(y=1, animate=False)
        await pilot.pause()
        assert app.page.following


def _wheel():
    from textual.events import MouseScrollUp  # noqa: PLC0415  used here only

    return MouseScrollUp(None, 5, 5, 0, -1, 0, shift=False, meta=False, ctrl=False)


async def test_pages_turn_without_a_jump_through_what_was_never_measured(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        app.page.show(chat(300))
        app.page.focus()
        app.page.stand_on(None)
        await pilot.pause()
        for _ in range(15):
            before = app.lines()
            await pilot.press("pageup")
            await pilot.pause()
            assert app.lines()[-1] == before[0]
        for _ in range(15):
            before = app.lines()
            await pilot.press("pagedown")
            await pilot.pause()
            assert app.lines()[0] == before[-1]
        assert app.page.following


async def test_a_resize_keeps_the_place_that_is_read(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        app.page.show(chat(100))
        await pilot.pause()
        app.page.go_to((120, 3))
        await pilot.pause()
        first = app.lines()[0].split()[:2]
        for width in (60, 130, 80):
            await pilot.resize_terminal(width, 24)
            await pilot.pause()
            assert "Sentence 59" in "".join(app.lines()[:3])
        assert app.lines()[0].split()[:2] == first


async def test_a_resize_at_the_end_stays_at_the_end(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        app.page.show(chat(30))
        await pilot.pause()
        await pilot.resize_terminal(50, 30)
        await pilot.pause()
        assert app.page.following
        assert app.lines()[-1].strip() == "– end of 29"


async def test_theme_and_width_may_change_in_mid_stream(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        app.page.show(chat(5))
        app.page.begin(REPLY)
        await stream(app, pilot, "```python\nx = 1\n" + "y = 2\n" * 60)
        dark = app.page.render_lines(app.page.size.region)[-2]
        app.theme = "paper"
        await pilot.pause()
        await pilot.resize_terminal(100, 30)
        await stream(app, pilot, "z = 3\n```\n\nThe end.")
        assert app.lines()[-1].strip() == "The end. ▌"
        assert app.page.render_lines(app.page.size.region)[-4]._segments[-1].style != dark._segments[-1].style


async def test_ten_thousand_messages_cost_no_more_than_what_is_near(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        app.page.show(chat(5000))
        await pilot.pause()
        assert app.page.column.laid_out < 20
        app.page.begin(REPLY)
        await stream(app, pilot, "Some words. " * 60)
        assert app.page.column.laid_out < 60
        assert app.lines()[-1].endswith("▌")


async def test_rows_of_messages_left_behind_are_let_go(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(column, "KEPT", 30)
    async with open_page() as (app, pilot):
        app.page.show(chat(200))
        await pilot.pause()
        for slot in (300, 200, 100, 1):
            app.page.go_to((slot, 0))
        kept = [slot for slot in range(1, 401) if app.page.column.view(slot).is_laid_out]
        assert len(kept) <= 30
        assert 1 in kept
        app.page.action_bottom()
        assert app.lines()[-1].strip() == "– end of 199"


async def test_feeding_only_waits_for_the_next_frame(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        app.page.begin(REPLY)
        before = app.page.column.laid_out
        for _ in range(500):
            app.page.feed("word ")
        assert app.page.column.laid_out == before
        await pilot.pause(0.2)
        assert before < app.page.column.laid_out <= before + 3
        assert "word word" in app.lines()[0]


async def test_a_change_far_above_moves_nothing(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        app.page.show(chat(40))
        await pilot.pause()
        app.page.go_to((50, 0))
        await pilot.pause()
        before = app.lines()
        app.page.replace(Entry(3, asks=False, text="short"))
        app.page.replace(Entry(47, asks=False, text="longer\n\n" * 30))
        app.page.drop(5)
        await pilot.pause()
        assert app.lines() == before


async def test_showing_the_same_messages_again_keeps_the_place(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        entries = chat(40)
        app.page.show(entries)
        await pilot.pause()
        app.page.go_to((50, 2))
        await pilot.pause()
        before, laid_out = app.lines(), app.page.column.laid_out
        app.page.show([*entries[:20], *entries[22:]], follow=False)
        await pilot.pause()
        assert app.lines() == before
        assert app.page.column.laid_out - laid_out < 5


async def test_a_sibling_takes_the_place_of_the_message_at_the_top(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        entries = chat(40)
        app.page.show(entries)
        await pilot.pause()
        app.page.go_to((50, 0))
        await pilot.pause()
        entries[49] = Entry(1000, asks=False, text="Another reply. " * 40, place=(2, 2))
        app.page.show(entries, follow=False)
        await pilot.pause()
        assert [line.strip() for line in app.lines()[:2]] == [
            "‹2/2›",
            ("Another reply. " * 4).strip() + " Another",
        ]


async def test_the_page_looks_as_designed(open_page: OpenPage) -> None:
    stopped = Notice("The engine stopped.", "12 tokens are saved.", (("enter", "continue"),))
    async with open_page(80, 30) as (app, pilot):
        app.page.show([
            Entry(1, asks=True, text="Why?"),
            Entry(2, asks=False, text="Because.", place=(2, 3)),
            Entry(3, asks=True, text="Show me."),
            Entry(4, asks=False, text="```python\nx = 1\n```"),
            Entry(5, asks=True, text="Thanks.", place=(1, 2)),
            Entry(6, asks=False, text="Half", notice=stopped),
        ])  # fmt: skip
        await pilot.pause()
        page = [line.removeprefix("    ") for line in app.lines()]
        assert page[:26] == [
            *("› Why?", " " * 67 + "‹2/3›", "  Because.", "", ""),
            *("› Show me.", "", "  " + "▄" * 70, "    x = 1" + " " * 56 + "python", "  " + "▀" * 70),
            *(" " * 67 + "‹1/2›", "› Thanks.", "", "  Half", ""),
            *("! The engine stopped.", "  12 tokens are saved.", "", "  enter continue"),
            *("", "", "", "", "", "", ""),
        ]


async def test_a_question_that_waits_says_so_quietly(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        waits = Notice("waits for the model", keys=(("↑", "takes it back"),), kind="quiet")
        app.page.add(Entry(1, asks=True, text="Hello?", notice=waits))
        await pilot.pause()
        assert app.lines()[:3] == ["    › Hello?", "", "      waits for the model   ↑ takes it back"]


async def test_a_preface_stands_above_the_first_message(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        app.page.set_preface(lambda look, measure: [[("› ", look.accent), (f"{measure} cells", look.text)]])
        app.page.add(Entry(1, asks=True, text="Hello?"))
        await pilot.pause()
        assert app.lines()[:3] == ["    › 72 cells", "", "    › Hello?"]
        app.page.set_preface(None)
        await pilot.pause()
        assert app.lines()[0] == "    › Hello?"


async def test_a_tall_preface_is_read_from_its_top_and_the_first_message_is_followed(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        app.page.set_preface(lambda look, _: [[(f"line {number}", look.text)] for number in range(40)])
        app.page.show([])
        await pilot.pause()
        assert app.lines()[0] == "    line 0"
        app.page.add(Entry(1, asks=True, text="Hello?"))
        await pilot.pause()
        assert app.lines()[-1] == "    › Hello?"


async def test_a_dragged_selection_scrolls_and_keeps_its_beginning(open_page: OpenPage) -> None:
    async with open_page() as (app, pilot):
        app.page.show(chat(40))
        await pilot.pause()
        app.page.go_to((20, 0))
        await pilot.pause()
        await pilot.mouse_down(app.page, offset=(6, 3))
        await pilot.hover(app.page, offset=(20, 20))
        before = app.screen.selections[app.page].start
        app.page.scroll_relative(y=15, animate=False)
        await pilot.hover(app.page, offset=(20, 21))
        selection = app.screen.selections[app.page]
        assert selection.start == before
        assert selection.end.y > 22
        await pilot.mouse_up(app.page, offset=(20, 21))
        assert "Question 10?" in app.screen.get_selected_text()


async def test_nothing_hostile_reaches_a_strip(open_page: OpenPage) -> None:
    hostile = "\x1b]52;c;aGk=\x07 \x9b2J \u202eevil &#27;[31m `\x1b` \n\n```\n\x1b[2J\n```\n\n|\x1b|\n|-|\n"
    async with open_page() as (app, pilot):
        notice = Notice(f"stopped {hostile}", hostile, (("enter", hostile),))
        app.page.show([
            Entry(1, asks=True, text=hostile, notice=notice),
            Entry(2, asks=False, text=hostile, details=hostile),
        ], follow=False)  # fmt: skip
        app.page.begin(REPLY)
        app.page.stand_on(2)
        await stream(app, pilot, hostile, 1)
        shown = "".join(app.lines())
        assert "evil" in shown
        assert not set(shown) & set(map(chr, [*range(32), *range(0x7F, 0xA0), 0x202E]))
