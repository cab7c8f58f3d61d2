"""The cut view in which a reply is written token by token: each is seen before it is said."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from chatapp.chat import Chat
from chatapp.conversation.message import Message
from chatapp.errors import Refusal
from chatapp.stepping import Steps
from chatapp.tui.screens.cut_view import CutView
from chatapp.tui.turns import Verb
from chatapp.tui.widgets.step_bar import StepBar


class StepView(CutView):
    """Steps from the token that is looked at; the turn that they are runs where all turns do."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "step", "token by token from here", id="cut.step"),
    ]

    def __init__(
        self,
        chat: Chat,
        reply: Message,
        index: int,
        keep: Callable[[Mapping[str, Any]], Awaitable[None]],
        run: Callable[[Verb], bool],
    ) -> None:
        """Look at the token of a reply; `run` begins a turn, where the model is free. For the rest see CutView."""
        super().__init__(chat, reply, index, keep)
        self._run = run
        self._steps: Steps | None = None
        self._begun = 0
        self._from = reply, index
        self._stepping = False
        self.bar = StepBar()

    def compose(self) -> ComposeResult:
        """The page, and below it the steps."""
        yield from super().compose()
        yield self.bar

    @property
    def along(self) -> bool:
        """In steps the engine goes along."""
        return self._steps is not None

    def shown(self) -> None:
        """Tell of the steps beside what is shown."""
        if self._steps is not None:
            self.bar.show(self._steps.reply, self._begun, self.body.view)

    def action_candidate(self, step: int) -> None:
        """Go to another candidate."""
        super().action_candidate(step)
        self.shown()

    def action_token(self, step: int) -> None:
        """Go to another token; in steps there is only the next."""
        if self._steps is None:
            super().action_token(step)

    def action_fork(self) -> None:
        """Go on with the candidate stood on."""
        if self._steps is None:
            super().action_fork()

    def action_reset(self) -> None:
        """Go back to what the token was drawn with."""
        if self._steps is None:
            super().action_reset()

    def action_leave(self) -> None:
        """Go back; steps are kept."""
        if self._steps is None:
            super().action_leave()
        else:
            self._end()

    # Steps --------------------------------------------------------------------------------------------------

    def action_step(self) -> None:
        """Step from here on; from now on the keys are the steps'."""
        if not self.bar.can_focus:
            self._from = self._reply, self._index
            self._begun = self._index
            self.bar.display = self.bar.can_focus = True
            self.bar.focus()
            self._begin()

    @work(group="step")
    async def _begin(self) -> None:
        if not await self._begin_at(*self._from):
            self._leave_steps(*self._from)

    async def _begin_at(self, reply: Message, index: int) -> bool:
        try:
            steps = await Steps.from_token(self._chat, reply, index)
        except Refusal as refusal:
            self.notify(str(refusal), markup=False, timeout=4)
            return False
        self._steps = steps
        self._follow()
        return True

    def _follow(self) -> None:
        """Look at what would come next."""
        if (steps := self._steps) is not None:
            self._reply, self._index = steps.reply, len(steps.reply.token_ids)
            self._begun = min(self._begun, self._index)
            self._look()
            self.shown()

    @on(StepBar.Take)
    def _take(self, event: StepBar.Take) -> None:
        view, steps = self.body.view, self._steps
        if self._stepping or view is None or steps is None or view.seen.reply is not steps.reply:
            return
        if view.seen.index != len(steps.reply.token_ids):
            return  # what comes next is not seen yet
        place = view.row if event.place is None else event.place
        if place < len(view.seen.decision.rows):
            self._do(lambda: steps.take(view.seen, view.seen.decision.rows[place].id))

    @on(StepBar.Back)
    def _back(self) -> None:
        steps = self._steps
        if steps is None or self._stepping or not steps.reply.token_ids:
            return
        if steps.started:
            self._do(steps.back)
        else:
            self._back_before_the_first(steps.reply)

    @work(group="step")
    async def _back_before_the_first(self, reply: Message) -> None:
        await self._begin_at(reply, len(reply.token_ids) - 1)

    @work(group="step")
    async def _do(self, what: Callable[[], Awaitable[None]]) -> None:
        """Do a step; the first one begins the turn."""
        steps = self._steps
        if steps is None or not (steps.started or self._begin_turn(steps)):
            return
        self._stepping = True
        try:
            await what()
        except Refusal as refusal:
            self.notify(str(refusal), markup=False, timeout=4)
        finally:
            self._stepping = False
        if steps.over:
            self.dismiss(None)  # the reply has ended: it is on the page
        else:
            self._follow()

    def _begin_turn(self, steps: Steps) -> bool:
        if self._run(steps.turn):
            return True
        self.notify("The model is busy; esc on the page stops it.", markup=False, timeout=3)
        return False

    @on(StepBar.Run)
    def _run_on(self) -> None:
        steps, view = self._steps, self.body.view
        if steps is not None and view is not None and (steps.started or self._begin_turn(steps)):
            steps.run(view.seen.settings)
            self.dismiss(None)

    @on(StepBar.End)
    def _end(self) -> None:
        if self._steps is not None and self._steps.started:
            self._steps.end()
            self.dismiss(None)
        else:
            self.workers.cancel_group(self, "step")
            self._leave_steps(*self._from)

    def _leave_steps(self, reply: Message, index: int) -> None:
        """The cut view again, of a reply that is kept."""
        self._steps = None
        self.bar.display = self.bar.can_focus = False
        self.set_focus(None)
        self._reply, self._index = reply, index
        self._look()
