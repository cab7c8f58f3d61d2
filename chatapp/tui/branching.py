"""The way to the branches and back: going to a message, forking, throwing away, bringing back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chatapp.conversation.message import Kind
from chatapp.store import Pruned
from chatapp.text import counted, display_line
from chatapp.tui.erasing import tell_erased
from chatapp.tui.screens.branch_lines import first_words
from chatapp.tui.screens.branches import BranchChoice, BranchesScreen
from chatapp.tui.screens.details import DetailsScreen
from chatapp.tui.screens.details_lines import Known
from chatapp.tui.screens.sheet import Item, Sheet
from chatapp.tui.widgets.transcript import Transcript

if TYPE_CHECKING:
    from chatapp.tui.screens.main import MainScreen

BUSY_HERE = "A reply is being written here; esc stops it."


def open_branches(screen: MainScreen) -> None:
    """Show the branches of the session in view."""
    if screen.app.screen is not screen:
        return
    chat, at = screen.chat, screen.page.transcript.cursor
    if not len(chat.session.tree):
        screen.notify("There is nothing to branch off from yet.", markup=False, timeout=3)
        return
    screen.app.push_screen(
        BranchesScreen(chat.session, chat.branches, at), lambda choice: _chosen(screen, choice, at)
    )


def _chosen(screen: MainScreen, choice: BranchChoice | None, at: int | None) -> None:
    match choice.does if choice else None:
        case "go" if choice:
            screen.run_worker(go_to(screen, choice.message), group="branch", exclusive=True)
        case "fork" if choice:
            screen.run_worker(fork(screen, choice.message), group="branch", exclusive=True)
        case "bring back":
            screen.run_worker(_open_trash(screen), group="branch", exclusive=True)
        case _:
            screen.page.show_tree(at)


async def go_to(screen: MainScreen, message_id: int) -> None:
    """Make the branch of a message the active one, and stand on it."""
    page = screen.page
    message = screen.chat.session.tree.get(message_id)
    if message is None:
        return
    with page.trouble_told():
        if not await page.bring_into_view(message):
            screen.tell_trouble(f"The message is on another branch. {BUSY_HERE}")
            return
    page.show_tree(message_id)


async def fork(screen: MainScreen, message_id: int) -> None:
    """Make a session of the way to a message, and open it."""
    message = screen.chat.session.tree.get(message_id)
    if message is None or message.kind is not Kind.SAID:
        return
    with screen.page.trouble_told():
        uid = await screen.chat.branches.fork(message_id)
        await screen.open_session(uid)
        screen.show_sessions()
        screen.notify("This is a new session; the other one is as it was.", markup=False, timeout=3)


# How a message came to be -----------------------------------------------------------------------------------


def branching_actions() -> list[tuple[str, Callable[[MainScreen], None]]]:
    """What the palette offers of the last message."""
    return [
        ("How the last message came to be", lambda screen: _of_tip(screen, show_details)),
        ("Write the beginning of the reply", lambda screen: _of_tip(screen, begin_reply)),
        ("Fork into a new session", lambda screen: _of_tip(screen, start_fork)),
    ]


def _of_tip(screen: MainScreen, does: Callable[[MainScreen, int], None]) -> None:
    tip = screen.chat.session.tree.tip()
    if tip is not None:
        does(screen, tip.id)


def begin_reply(screen: MainScreen, message_id: int) -> None:
    """Write the beginning of a reply."""
    screen.page.transcript.post_message(Transcript.Begin(message_id))


def start_fork(screen: MainScreen, message_id: int) -> None:
    """Fork at a message."""
    screen.run_worker(fork(screen, message_id), group="branch", exclusive=True)


def show_details(screen: MainScreen, message_id: int) -> None:
    """Show how a message came to be."""
    screen.run_worker(_show_details(screen, message_id), group="details", exclusive=True)


async def _show_details(screen: MainScreen, message_id: int) -> None:
    chat = screen.chat
    message = chat.session.tree.get(message_id)
    if message is None or message.kind is not Kind.SAID or screen.app.screen is not screen:
        return
    with screen.page.trouble_told():
        persona = await chat.persona_of(message)
        trace = [record for record in await chat.trace(message) if record is not None]
        surprise = sum(record.surprise for record in trace) / len(trace) if trace else None
        same = message.provenance.persona == chat.session.persona.digest
        known = Known(chat.session.tree, message, persona, same, surprise)
        screen.app.push_screen(
            DetailsScreen(known, lambda: chat.replay(message_id)),
            lambda wish: _details_left(screen, message_id, wish),
        )


def _details_left(screen: MainScreen, message_id: int, wish: str | None) -> None:
    if wish == "again":
        screen.page.transcript.post_message(Transcript.Again(message_id))
    screen.page.show_tree(message_id)


# The trash --------------------------------------------------------------------------------------------------


def open_branch_trash(screen: MainScreen) -> None:
    """Show the branches of the session in view that lie in the trash."""
    screen.run_worker(_open_trash(screen), group="branch", exclusive=True)


async def _open_trash(screen: MainScreen) -> None:
    branches = screen.chat.branches
    with screen.page.trouble_told():
        pruned = await branches.pruned()
        items = [Item("branches of this session", _name(one), right=_size(one), value=one) for one in pruned]
        if pruned:
            many = sum(one.messages for one in pruned)
            detail = "no copy of them stays in the store"
            items.append(Item("all of them", f"Erase {counted(many, 'message')} for good", detail=detail))
        screen.app.push_screen(
            Sheet(items, placeholder="a branch in the trash", verb="decide"), lambda item: _decide(screen, item)
        )


def _name(one: Pruned) -> str:
    return display_line(first_words(one.text)) or "nothing yet"


def _size(one: Pruned) -> str:
    return counted(one.messages, "message")


def _decide(screen: MainScreen, item: Item | None) -> None:
    if item is None:
        screen.page.show_tree(None)
    elif isinstance(item.value, Pruned):
        screen.run_worker(bring_back(screen, item.value.message), group="branch", exclusive=True)
    else:
        _ask_again(screen, item.title)


def _ask_again(screen: MainScreen, erase: str) -> None:
    def decided(item: Item | None) -> None:
        if item is not None and item.value == "erase":
            screen.run_worker(_erase(screen), group="branch", exclusive=True)

    items = [
        Item("sure?", "Keep them", detail="in the trash"),
        Item("sure?", erase, detail="nothing brings them back", value="erase"),
    ]
    screen.app.push_screen(Sheet(items, placeholder="sure?"), decided)


async def _erase(screen: MainScreen) -> None:
    with screen.page.trouble_told():
        purged = await screen.chat.branches.purge()
        tell_erased(screen, "The branches in the trash are erased.", purged)


async def bring_back(screen: MainScreen, message_id: int) -> None:
    """Bring a branch back from the trash, and into view."""
    if screen.chat.streaming is not None:
        screen.tell_trouble(BUSY_HERE)
        return
    with screen.page.trouble_told():
        back = await screen.chat.branches.bring_back(message_id)
        screen.page.show_tree(back.id if back else None)
