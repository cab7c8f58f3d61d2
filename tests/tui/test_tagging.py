"""Tags on the screen: put on and taken off in list and the palette, shown, found, and the list narrowed."""

from __future__ import annotations

from test_main_screen import home, open_app  # noqa: F401  fixtures

from chatapp.store import Store
from chatapp.tui.screens.drawer import Drawer
from chatapp.tui.screens.sheet import Sheet
from chatapp.tui.widgets.head import RunningHead
from chatapp.tui.widgets.sessions import SessionList


def text_of(widget):
    return "\n".join(widget.render_line(y).text.rstrip() for y in range(widget.size.height))


def offered(person):
    """What the sheet offers: the titles of its rows with what enter would do."""
    sheet = person.app.screen
    return (
        [(row.title, row.item.right) for row in sheet._finder.rows if row.item] if isinstance(sheet, Sheet) else []
    )


async def two_sessions(person):
    await person.ask("Letter to the landlord")
    await person.press("ctrl+n")
    await person.ask("Sonnet about rain")


async def tags(person):
    return {head.title: head.tags for head in await person.heads()}


async def until_tags(person, wanted):
    """Wait until the store has these tags, by title."""
    for _ in range(200):
        if (found := await tags(person)) == wanted:
            return
        await person.pilot.pause(0.02)
    raise AssertionError(f"{found} instead of {wanted}")


async def test_tags_are_put_on_in_the_list_completed_from_those_in_use_and_taken_off_again(open_app):  # noqa: F811
    async with open_app(size=(140, 40)) as person:
        await two_sessions(person)
        await person.press("ctrl+l", "t")
        await person.until(lambda: isinstance(person.app.screen, Sheet))
        await person.type("Work")
        assert offered(person) == [("#work", "put it on")]
        await person.press("enter")
        await until_tags(person, {"Sonnet about rain": ("work",), "Letter to the landlord": ()})
        await person.until(lambda: offered(person) == [("#work", "take it off")])  # asked on, for the next one
        await person.type("two words")
        await person.press("enter")
        await until_tags(person, {"Sonnet about rain": ("two-words", "work"), "Letter to the landlord": ()})
        await person.until(lambda: len(offered(person)) == 2)
        await person.press("escape")
        await person.until(lambda: "#two-words #work" in text_of(person.screen.query_one(RunningHead)))
        listed = person.screen.query_one("#sessions", SessionList)
        assert listed.has_focus
        assert "#two-words #work" in text_of(listed)

        await person.press("down", "t")
        await person.until(lambda: isinstance(person.app.screen, Sheet))
        await person.type("wo")  # the beginning of one in use finds it
        assert ("#work", "put it on") in offered(person)
        assert person.app.screen._finder.row.item.title == "#work"
        await person.press("enter", "escape")
        await until_tags(person, {"Sonnet about rain": ("two-words", "work"), "Letter to the landlord": ("work",)})


async def test_a_tag_in_force_is_taken_off_by_choosing_it(open_app):  # noqa: F811
    async with open_app() as person:
        await person.ask("Letter to the landlord")
        await person.desk.tag(person.chat.session.uid, add=("work",))
        await person.press("ctrl+p")
        await person.until(lambda: isinstance(person.app.screen, Sheet))
        await person.type("tags of this session")
        await person.press("enter")
        await person.until(lambda: [right for _, right in offered(person)] == ["take it off"])
        await person.press("enter")
        await until_tags(person, {"Letter to the landlord": ()})
        await person.until(lambda: "#work" not in text_of(person.screen.query_one(RunningHead)))


async def test_the_list_is_narrowed_to_a_tag_and_widened_again(open_app):  # noqa: F811
    async with open_app() as person:
        await two_sessions(person)
        await person.desk.tag(person.chat.session.uid, add=("work",))
        listed = person.screen.query_one("#sessions", SessionList)
        await person.press("ctrl+l", "f")
        await person.until(lambda: isinstance(person.app.screen, Sheet))
        await person.press("enter")
        await person.until(lambda: len(listed.roll.heads) == 1)
        assert listed.roll.heads[0].title == "Sonnet about rain"
        assert text_of(listed).splitlines()[1].split() == ["Sessions", "#work"]
        await person.press("f")
        await person.until(lambda: len(listed.roll.heads) == 2)
        assert text_of(listed).splitlines()[1].split() == ["Sessions"]


async def test_the_palette_finds_sessions_by_their_tag_and_narrows_the_list_in_a_narrow_terminal(open_app):  # noqa: F811
    async with open_app(size=(80, 24)) as person:
        await two_sessions(person)
        await person.desk.tag(person.chat.session.uid, add=("work",))
        await person.press("ctrl+p")
        await person.until(lambda: isinstance(person.app.screen, Sheet))
        await person.type("#work")
        assert {title for title, _ in offered(person)} == {"Sonnet about rain", "#work"}
        await person.press("tab", "tab", "tab")
        assert [title for title, _ in offered(person)] == ["#work"]
        await person.press("enter")
        await person.until(lambda: isinstance(person.app.screen, Drawer))
        listed = person.app.screen.query_one(SessionList)
        await person.until(lambda: [head.title for head in listed.roll.heads] == ["Sonnet about rain"])


async def test_the_search_offers_a_tag_that_is_begun_as_a_filter(open_app):  # noqa: F811
    async with open_app() as person:
        await person.ask("Letter to the landlord")
        await person.desk.tag(person.chat.session.uid, add=("work",))
        await person.press("ctrl+f")
        await person.until(lambda: isinstance(person.app.screen, Sheet))
        await person.type("tag:wo")
        await person.until(lambda: ("#work", "show") in offered(person))


async def test_a_session_without_a_word_is_kept_when_it_is_tagged(home, open_app):  # noqa: F811
    async with open_app() as person:
        await person.press("ctrl+p")
        await person.until(lambda: isinstance(person.app.screen, Sheet))
        await person.type("tags of this session")
        await person.press("enter")
        await person.until(lambda: isinstance(person.app.screen, Sheet) and not offered(person))
        await person.type("\x1b[31mred\x1b[0m\u202e")
        await person.press("enter")
        await person.until(lambda: bool(person.chat.session.tags))
        await person.press("escape")
    store = await Store.open(home.database)
    ((tag, _),) = await store.tags()
    await store.close()
    async with open_app(continue_newest=True) as person:
        assert person.chat.session.tags == (tag,)
        await person.press("ctrl+l")
        await person.until(lambda: person.screen.query_one("#sessions", SessionList).roll.heads)
        shown = text_of(person.screen.query_one("#sessions", SessionList))
        assert "\x1b" not in shown
        assert "\u202e" not in shown
