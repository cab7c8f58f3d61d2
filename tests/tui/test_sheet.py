"""The sheet: what is found by typing, what the keys and the mouse do, and how it looks."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App
from textual.widgets import Static

from chatapp.tui.matching import fold, match, nearest
from chatapp.tui.screens.sheet import Item, Sheet, Slab
from chatapp.tui.screens.sheet_rows import FEW, Finder
from chatapp.tui.themes import INK, PAPER

ITEMS = [
    Item("sessions", "Sampling, explained", right="now"),
    Item("sessions", "Names for a small boat", right="12 Nov"),
    *(Item("sessions", f"Old talk {n}") for n in range(20)),
    Item("settings", "min-p", detail="0.10  persona", right="tune"),
    Item("settings", "preset: Min-P writer", detail="long prose", right="apply"),
    Item("themes", "ink", keywords="dark"),
    Item("themes", "paper", keywords="light"),
]
MODELS = [
    Item("models", "broken.gguf", detail="the file ends early", problem=True),
    Item("models", "SmolLM2", right="98 MB", value=1),
    Item("models", "Gemma", value=2),
]


class Host(App[None]):
    """A page with the sheet over it; remembers what was chosen."""

    CSS_PATH = "../../chatapp/tui/styles/sheet.tcss"

    def __init__(self, items=ITEMS, **options):
        super().__init__()
        self.sheet = Sheet(items, placeholder="anything", **options)
        self.chosen = []

    def compose(self):
        yield Static("the page behind " * 400, markup=False)

    def on_mount(self):
        for theme in (INK, PAPER):
            self.register_theme(theme)
        self.theme = "ink"
        self.push_screen(self.sheet, self.chosen.append)

    def lines(self):
        slab = self.sheet.query_one(Slab)
        return ["".join(s.text for s in slab.render_line(y)).rstrip() for y in range(slab.size.height)]


async def typed(pilot, text):
    for letter in text:
        await pilot.press({"-": "minus", " ": "space", "/": "slash", ".": "full_stop"}.get(letter, letter))
    await pilot.pause()


def titles(finder):
    return [row.title for row in finder.rows if row.item]


def test_a_title_beats_its_detail_and_a_words_beginning_beats_its_middle():
    scores = [
        match("min", *texts).score
        for texts in (("min", ""), ("min-p", ""), ("a min", ""), ("admin", ""), ("x", "min"), ("x", "admin"))
    ]
    assert scores == sorted(scores, reverse=True)


def test_every_word_has_to_be_somewhere_and_is_marked_where_it_stands():
    found = match("boat names", "Names for a small boat")
    assert found
    assert found.title == frozenset({0, 1, 2, 3, 4, 18, 19, 20, 21})
    assert match("boat zebra", "Names for a small boat") is None


def test_letters_in_order_are_found_only_where_nothing_better_is():
    finder = Finder([Item("g", "Sampling"), Item("g", "sml")])
    finder.ask("sml")
    assert titles(finder) == ["sml"]
    finder = Finder([Item("g", "Sampling")])
    finder.ask("smpl")
    assert titles(finder) == ["Sampling"]


@settings(max_examples=60)
@given(st.text(max_size=12), st.text(max_size=30))
def test_marked_places_lie_within_the_text(query, title):
    found = match(query, title)
    assert found is None or all(place < len(title) for place in found.title)
    assert len(fold(title)) == len(title)


@settings(max_examples=60)
@given(st.text("abcß -ÄİI", min_size=1, max_size=12))
def test_a_title_finds_itself(title):
    assert match(title, title) is not None


def test_what_is_most_like_it_is_named_when_nothing_is_found():
    assert nearest("min-q", ["temperature", "min-p", "top-p"]) == "min-p"
    assert nearest("zzzz", ["temperature"]) == ""


def test_groups_keep_their_order_and_the_best_hit_is_stood_on():
    finder = Finder([Item("one", "about ink wells"), Item("two", "ink")])
    finder.ask("ink")
    assert [row.title for row in finder.rows if row.item] == ["about ink wells", "ink"]
    assert finder.row.title == "ink"


def test_a_long_group_shows_a_few_rows_and_how_many_more_there_are():
    finder = Finder(ITEMS)
    sessions = [row for row in finder.rows if row.group == "sessions"]
    assert len([row for row in sessions if row.item]) == FEW
    assert sessions[-1].more == 22 - FEW
    finder.narrow("sessions")
    assert len(titles(finder)) == 22


def test_hundreds_of_items_are_found_while_one_types():
    finder = Finder([Item(f"group {n % 5}", f"An old session about matter {n}", "said then") for n in range(800)])
    began = time.perf_counter()
    for length in range(1, 8):
        finder.ask("session"[:length])
    finder.ask("nothing like it")
    assert (time.perf_counter() - began) / 8 < 0.1
    assert finder.rows == []


def test_the_first_row_is_stood_on_even_when_the_first_item_is_broken():
    finder = Finder(MODELS)
    assert finder.row.title == "SmolLM2"
    finder.move(-5)
    assert finder.row.title == "SmolLM2"


async def test_typing_and_enter_choose_the_best_hit():
    app = Host()
    async with app.run_test(size=(120, 36)) as pilot:
        await typed(pilot, "min-p")
        await pilot.press("enter")
        await pilot.pause()
        assert [item.title for item in app.chosen] == ["min-p"]


async def test_the_arrows_go_over_the_groups_and_escape_chooses_nothing():
    app = Host()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("down", "down", "up", "escape")
        await pilot.pause()
        assert app.chosen == [None]
        assert app.sheet._finder.row.title == "Names for a small boat"


async def test_tab_goes_round_the_groups_one_at_a_time():
    app = Host()
    async with app.run_test(size=(120, 36)) as pilot:
        seen = []
        for _ in range(4):
            await pilot.press("tab")
            seen.append(app.sheet._finder.only)
        assert seen == ["sessions", "settings", "themes", None]
        await pilot.press("shift+tab")
        assert app.sheet._finder.only == "themes"
        assert any("tab all" in line for line in app.lines())


async def test_more_opens_up_its_group():
    app = Host()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press(*["down"] * FEW, "enter")
        await pilot.pause()
        assert app.chosen == []
        assert app.sheet._finder.only == "sessions"


async def test_nothing_found_is_said_with_the_nearest_name():
    app = Host()
    async with app.run_test(size=(80, 24)) as pilot:
        await typed(pilot, "min-q")
        assert "   Nothing with “min-q”. Nearest: min-p." in app.lines()
        await pilot.press("enter")
        assert app.chosen == []


async def test_a_typed_path_becomes_an_item():
    app = Host(MODELS, verb="load", free_text=lambda t: Item("path", t) if t.endswith(".gguf") else None)
    async with app.run_test(size=(80, 24)) as pilot:
        await typed(pilot, "/m/a.gguf")
        await pilot.press("enter")
        await pilot.pause()
        assert app.chosen == [Item("path", "/m/a.gguf")]


async def test_a_click_chooses_a_broken_item_cannot_be_and_a_click_beside_closes():
    app = Host(MODELS)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        slab = app.sheet.query_one(Slab)
        row = next(y for y, line in enumerate(app.lines()) if "broken.gguf" in line)
        await pilot.click(slab, offset=(10, row))
        assert app.chosen == []
        await pilot.click(slab, offset=(10, row + 2))
        await pilot.pause()
        assert app.chosen == [MODELS[2]]
    app = Host(MODELS)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.click(app.sheet, offset=(1, 20))
        await pilot.pause()
        assert app.chosen == [None]


@pytest.mark.parametrize(
    ("size", "place"), [((120, 36), (22, 4, 76)), ((80, 24), (2, 1, 76)), ((60, 20), (2, 1, 56))]
)
async def test_it_lies_at_the_fifth_line_or_higher_where_there_are_few(size, place):
    app = Host()
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        region = app.sheet.query_one(Slab).region
        assert (region.x, region.y, region.width) == place
        assert region.bottom < size[1]


async def test_one_always_sees_where_one_stands():
    app = Host()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("tab")
        for key in ["pagedown"] * 3 + ["up"] * 9 + ["pageup"] * 4:
            await pilot.press(key)
            await pilot.pause()
            assert any(line.startswith(f" ▎ {app.sheet._finder.row.title}") for line in app.lines())


async def test_foreign_text_is_shown_and_never_obeyed():
    app = Host([Item("g", "\x1b]0;x\x07[red]a[/]", detail="\u202e[/]", right="\x9b1m")])
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        text = "\n".join(app.lines())
        assert "[red]a[/]" in text
        assert not any(bad in text for bad in "\x1b\x07\x9b\u202e")
