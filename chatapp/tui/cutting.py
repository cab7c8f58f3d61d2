"""Opening the cut view from the main screen, and going on from the token that was chosen in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from chatapp.conversation.message import Message, Role
from chatapp.tui.screens.cut_view import Fork
from chatapp.tui.screens.step_view import StepView

if TYPE_CHECKING:
    from chatapp.tui.screens.main import MainScreen


def cutting_actions() -> list[tuple[str, Callable[[MainScreen], None]]]:
    """What the palette offers of it."""
    return [("Go on with the last reply token by token", lambda screen: open_cut_view(screen, stepping=True))]


def open_cut_view(
    screen: MainScreen, message_id: int | None = None, index: int | None = None, *, stepping: bool = False
) -> None:
    """Show how a token is decided.

    Args:
        screen: Where the chat is in view.
        message_id: A reply, or a question, whose answer is meant; none is the last reply.
        index: The token's place in the reply; none is its first, or, of no reply in particular, the next one.
        stepping: Whether the reply is to be written from there, token by token.
    """
    if screen.app.screen is not screen:
        return
    reply = _reply(screen, message_id)
    if reply is None or not screen.desk.model.ready:
        why = "There is no reply to look into yet." if screen.desk.model.ready else "The model is not loaded yet."
        screen.notify(why, markup=False, timeout=4)
        return
    if index is None:
        index = len(reply.token_ids) if message_id is None else 0

    async def keep(tried: Mapping[str, Any]) -> None:
        await screen.tune({**screen.chat.session.overrides, **tried})

    view = StepView(screen.chat, reply, index, keep, partial(screen.desk.turns.run, screen.chat))
    if stepping:
        view.call_after_refresh(view.action_step)
    screen.app.push_screen(view, lambda fork: _go_on(screen, fork))


def _reply(screen: MainScreen, message_id: int | None) -> Message | None:
    """The reply that is meant: this one, the answer to this question, or the last of the path."""
    replies = [one for one in screen.chat.session.tree.path() if one.role is Role.ASSISTANT]
    if message_id is None:
        return replies[-1] if replies else None
    return next((one for one in replies if message_id in {one.id, one.parent}), None)


def _go_on(screen: MainScreen, fork: Fork | None) -> None:
    if fork is not None:
        verb = partial(screen.chat.fork_at, fork.reply, fork.index, fork.token)
        if not screen.desk.turns.run(screen.chat, verb):
            screen.notify("The model is busy; esc stops it.", markup=False, timeout=3)
