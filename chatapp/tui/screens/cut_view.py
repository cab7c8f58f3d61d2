"""The cut view: one token's candidates through all stages of the chain, live under the keys that turn them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from chatapp.chat import Chat
from chatapp.conversation.message import Message, Role
from chatapp.conversation.sampling import checked
from chatapp.errors import Refusal
from chatapp.looking import look, restage
from chatapp.tui.cut_lines import View
from chatapp.tui.cut_stages import choices, knob
from chatapp.tui.widgets.cut_page import CutPage
from chatapp.tui.widgets.sampling.values import stepped


@dataclass(frozen=True)
class Fork:
    """The conversation is to go on from a token that was chosen."""

    reply: int
    index: int
    token: int


class CutView(Screen[Fork | None]):
    """Asks the engine, turns settings, and hands over what was chosen; what is tried here stays here."""

    CSS_PATH = "../styles/cut_view.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "stage(-1)", "stage before", id="cut.stage_before"),
        Binding("right", "stage(1)", "stage after", id="cut.stage_after"),
        Binding("minus", "turn(-1)", "turn it down", id="cut.less"),
        Binding("plus,equals_sign", "turn(1)", "turn it up", id="cut.more"),
        Binding("pagedown,shift+left,ctrl+left,underscore", "turn(-1, True)", "much down", id="cut.much_less"),
        Binding("pageup,shift+right,ctrl+right,asterisk", "turn(1, True)", "much up", id="cut.much_more"),
        Binding("n", "neutral", "turn it off", id="cut.neutral"),
        Binding("backspace", "reset", "as it was", id="cut.reset"),
        Binding("a", "keep", "keep what is tried for the session", id="cut.keep"),
        Binding("up", "candidate(-1)", "candidate above", id="cut.up"),
        Binding("down", "candidate(1)", "candidate below", id="cut.down"),
        Binding("enter", "fork", "go on with this candidate", id="cut.fork"),
        Binding("comma", "token(-1)", "token before", id="cut.token_before"),
        Binding("full_stop", "token(1)", "token after", id="cut.token_after"),
        Binding("home,g", "token(-1000000)", "first token", id="cut.first"),
        Binding("end,G", "token(1000000)", "next token", id="cut.last"),
        Binding("escape,f4,x,q", "leave", "back to the page", id="cut.leave"),
    ]

    def __init__(
        self,
        chat: Chat,
        reply: Message,
        index: int,
        keep: Callable[[Mapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Look at the token of a reply.

        Args:
            chat: The session, and the engine that is asked.
            reply: A reply of it.
            index: The token's place; the number of its tokens for the one that would come next.
            keep: Takes what was tried for the session.
        """
        super().__init__()
        self._chat, self._reply, self._index = chat, reply, index
        self._keep = keep
        self._tried: dict[str, Any] = {}
        """What was turned here, over what the token was drawn with."""
        self._kept: dict[str, Any] = {}
        self._restaging = False
        self.body = CutPage(self._number())

    def _number(self) -> int:
        """The reply's place among those of its path."""
        path = self._chat.session.tree.path_to(self._reply.id)
        return sum(message.role is Role.ASSISTANT for message in path)

    def compose(self) -> ComposeResult:
        """The page."""
        yield self.body

    def on_mount(self) -> None:
        """Ask for the token."""
        self._look()

    @property
    def along(self) -> bool:
        """Whether the engine goes along with what is looked at, as in steps."""
        return False

    def shown(self) -> None:
        """Another decision is shown; for those who tell of it beside the page."""

    # Asking -------------------------------------------------------------------------------------------------

    @work(group="look", exclusive=True)
    async def _look(self) -> None:
        """Ask for the token that is stood on; one that was asked for before is not waited for."""
        busy = self._chat.streaming is not None and not self.along
        self.body.wait("waits for the reply that is being written" if busy else "")
        try:
            seen = await look(self._chat, self._reply, self._index, self._tried, along=self.along)
        except Refusal as refusal:
            self.body.say(str(refusal))
            return
        view = self.body.view
        at = view.at if view else "temperature"
        self.body.show(View(seen, at, changed=self._changed(), stepping=self.along))
        self.shown()

    @work(group="restage")
    async def _restage(self) -> None:
        """Have the token decided with what is wanted now; what is wanted meanwhile comes next, the latest only."""
        self._restaging = True
        try:
            shown = None
            while (view := self.body.view) is not None and shown != self._tried:
                wanted, index = dict(self._tried), self._index
                settings = view.seen.settings.model_copy(update=wanted)
                try:
                    seen = await restage(self._chat, view.seen, settings)
                except Refusal as refusal:
                    self.notify(str(refusal), markup=False, severity="error", timeout=6)
                    return
                shown = wanted
                if index == self._index and (now := self.body.view) is not None and now.seen.index == index:
                    self.body.show(replace(now, seen=seen, changed=self._changed()))
                    self.shown()
        finally:
            self._restaging = False

    def _changed(self) -> tuple[str, ...]:
        return tuple(name for name, value in self._tried.items() if self._kept.get(name, _NEVER) != value)

    # Keys ---------------------------------------------------------------------------------------------------

    def action_stage(self, step: int) -> None:
        """Choose another stage."""
        if (view := self.body.view) is not None:
            stages = choices(view.seen.settings)
            place = stages.index(view.at) + step if view.at in stages else 0
            self.body.show(replace(view, at=stages[max(0, min(place, len(stages) - 1))]))

    def action_turn(self, direction: int, big: bool = False) -> None:
        """Turn the stage's setting by a step."""
        if (view := self.body.view) is None:
            return
        settings = view.seen.settings.model_copy(update=self._tried)
        if (setting := knob(view.at, settings)) is not None:
            value = stepped(setting, getattr(settings, setting.name), direction, big=big)
            self._try(setting.name, value)

    def action_neutral(self) -> None:
        """Turn the stage off."""
        view = self.body.view
        if view is not None and (setting := knob(view.at, view.seen.settings)) is not None:
            self._try(setting.name, setting.neutral)

    def action_reset(self) -> None:
        """Go back to what the token was drawn with, for this stage."""
        view = self.body.view
        if view is not None and (setting := knob(view.at, view.seen.settings)) is not None:
            self._tried.pop(setting.name, None)
            self._look()

    def _try(self, name: str, value: object) -> None:
        self._tried[name] = checked(name, value)
        if not self._restaging:
            self._restage()

    async def action_keep(self) -> None:
        """Give the session what was tried here."""
        if self._changed() and (view := self.body.view) is not None:
            self._kept = dict(self._tried)
            await self._keep(self._kept)
            self.body.show(replace(view, changed=self._changed()))
            self.notify("Kept for this session: replies are drawn with it from now on.", markup=False, timeout=4)

    def action_candidate(self, step: int) -> None:
        """Go to another candidate."""
        self.body.go(step)

    def action_token(self, step: int) -> None:
        """Go to another token of the reply."""
        index = max(0, min(self._index + step, len(self._reply.token_ids)))
        if index != self._index:
            self._index = index
            self._look()

    def action_fork(self) -> None:
        """Go on with the candidate stood on."""
        if self._chat.streaming is not None:
            self.notify("The model is busy; esc on the page stops it.", markup=False, timeout=3)
        elif (view := self.body.view) is not None and view.seen.index == self._index:
            self.dismiss(Fork(self._reply.id, self._index, view.seen.decision.rows[view.row].id))

    def action_leave(self) -> None:
        """Go back; what was tried is let go."""
        self.dismiss(None)


_NEVER = object()
