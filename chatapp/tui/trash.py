"""The trash: what lies in it comes back, or is erased for good when that was asked twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chatapp.conversation.session import SessionHead
from chatapp.text import counted, display_line
from chatapp.tui.branching import open_branch_trash
from chatapp.tui.erasing import tell_erased
from chatapp.tui.screens.sheet import Item, Sheet

if TYPE_CHECKING:
    from chatapp.tui.screens.main import MainScreen


def trash_actions() -> list[tuple[str, Callable[[MainScreen], None]]]:
    """What the palette offers."""
    return [
        ("Trash: bring back, or erase for good", open_trash),
        ("Trash of this session: its branches", open_branch_trash),
    ]


def open_trash(screen: MainScreen) -> None:
    """Show what lies in the trash."""
    screen.run_worker(_open(screen), group="trash", exclusive=True)


async def _open(screen: MainScreen) -> None:
    heads = await screen.desk.store.sessions(deleted=True)
    items = [
        Item(
            "trash",
            head.title or "Untitled",
            detail=head.ending,
            right=counted(head.messages, "message"),
            value=head,
        )
        for head in heads
    ]
    screen.app.push_screen(
        Sheet(items, placeholder="a session in the trash", verb="decide"), lambda item: _decide(screen, item)
    )


def _decide(screen: MainScreen, chosen: Item | None) -> None:
    if chosen is None or not isinstance(chosen.value, SessionHead):
        return
    head = chosen.value
    title = display_line(head.title) or "Untitled"

    def decided(item: Item | None) -> None:
        if item is not None and item.value == "back":
            screen.run_worker(screen.restore(head.uid), group="open", exclusive=True)
        elif item is not None:
            _ask_again(screen, head, title)

    items = [
        Item(title, "Bring it back", value="back"),
        Item(title, "Erase it for good", detail="no copy of it stays in the store", value="erase"),
    ]
    screen.app.push_screen(Sheet(items, placeholder="bring it back, or erase it"), decided)


def _ask_again(screen: MainScreen, head: SessionHead, title: str) -> None:
    def decided(item: Item | None) -> None:
        if item is not None and item.value == "erase":
            screen.run_worker(_erase(screen, head.uid, title), group="trash")

    items = [
        Item(f"erase {title}", "Keep it", detail="in the trash"),
        Item(
            f"erase {title}",
            f"Erase {counted(head.messages, 'message')}",
            detail="nothing brings them back",
            value="erase",
        ),
    ]
    screen.app.push_screen(Sheet(items, placeholder="sure?"), decided)


async def _erase(screen: MainScreen, uid: str, title: str) -> None:
    with screen.page.trouble_told():
        store = screen.desk.store
        purged = await store.purge((await store.session(uid)).id)
        tell_erased(screen, f"‘{title}’ is erased.", purged)
