"""Tags from the screen: put on a session or taken off by name, and the list of sessions narrowed to one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from chatapp.conversation.session import tag_from
from chatapp.text import counted, display_line
from chatapp.tui.screens.sheet import Item, Sheet

if TYPE_CHECKING:
    from chatapp.tui.screens.main import MainScreen
    from chatapp.tui.screens.sessions_screen import SessionsScreen


def tag_actions() -> list[tuple[str, Callable[[MainScreen], None]]]:
    """What the palette offers."""
    return [("Tags of this session", tag_this)]


def tag_this(screen: MainScreen) -> None:
    """Put tags on the session in view, which is kept from then on."""
    screen.run_worker(_tag_this(screen), group="tags", exclusive=True)


async def _tag_this(screen: MainScreen) -> None:
    with screen.page.trouble_told():
        await screen.desk.keep(screen.chat)
        session = screen.chat.session
        await tag_session(screen, session.uid, session.title, session.tags)


async def tag_session(screen: SessionsScreen, uid: str, title: str, tags: Sequence[str]) -> None:
    """Put tags on a session and take others off, one after the other, until that is enough."""
    while True:
        known = await screen.desk.store.tags()
        sheet = Sheet(
            tag_items(tags, known),
            placeholder=f"a tag, old or new, for “{display_line(title) or 'Untitled'}”",
            verb="on or off",
            free_text=partial(_new_tag, known),
        )
        chosen = await screen.app.push_screen_wait(sheet)
        if chosen is None or not isinstance(tag := chosen.value, str):
            return
        taken_off = tag in tags
        tags = await screen.desk.tag(uid, add=() if taken_off else (tag,), remove=(tag,) if taken_off else ())
        screen.page.show_names()
        screen.show_sessions()


def tag_items(tags: Sequence[str], known: Sequence[tuple[str, int]]) -> list[Item]:
    """A session's tags, then those that other sessions carry, each with how many do."""
    counts = dict(known)
    on = [
        Item("on this session", f"#{tag}", _carried(counts.get(tag, 1)), right="take it off", value=tag)
        for tag in tags
    ]
    off = [
        Item("other tags", f"#{tag}", _carried(count), right="put it on", value=tag)
        for tag, count in known
        if tag not in tags
    ]
    return on + off


def _new_tag(known: Sequence[tuple[str, int]], typed: str) -> Item | None:
    tag = tag_from(typed)
    return Item("new", f"#{tag}", right="put it on", value=tag) if tag and tag not in dict(known) else None


async def choose_tag(screen: SessionsScreen) -> None:
    """Choose the tag that the list of sessions is narrowed to."""
    with screen.page.trouble_told():
        known = await screen.desk.store.tags()
        if not known:
            screen.notify("No session carries a tag yet. t puts one on.", markup=False, timeout=4)
            return
        items = [Item("tags", f"#{tag}", _carried(count), right="show", value=tag) for tag, count in known]
        chosen = await screen.app.push_screen_wait(Sheet(items, placeholder="a tag", verb="show its sessions"))
        if chosen is not None and isinstance(chosen.value, str):
            screen.show_tagged(chosen.value)


def tags_to_find(known: Sequence[tuple[str, int]]) -> list[Item]:
    """The tags among all that is found by name; written as in a search, they are found too."""
    return [
        Item(
            "tags",
            f"#{tag}",
            _carried(count),
            right="show",
            value=("do", partial(_show, tag)),
            keywords=f"tag:{tag}",
        )
        for tag, count in known
    ]


def _show(tag: str, screen: MainScreen) -> None:
    screen.show_tagged(tag)


def _carried(count: int) -> str:
    return counted(count, "session")
