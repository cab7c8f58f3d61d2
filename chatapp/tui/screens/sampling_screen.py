"""A screen whose sampling column shows what is in force, and does what is wished there."""

from __future__ import annotations

from textual import on

from chatapp.chat import Chat
from chatapp.conversation.context import ContextPlan
from chatapp.conversation.sampling import SettingName
from chatapp.engine.protocol import Tokens
from chatapp.tui.desk import Desk
from chatapp.tui.page_view import PageView
from chatapp.tui.screens.columns import ColumnsScreen
from chatapp.tui.tuning import Tuning
from chatapp.tui.widgets.sampling import SamplingPanel
from chatapp.tui.widgets.sampling.view import LastToken
from chatapp.tui.widgets.status import Context
from chatapp.turn import TurnEvent


class SamplingScreen(ColumnsScreen):
    """Tunes the chat in view, and tells how its last token was decided."""

    def __init__(self, desk: Desk, *, temporary: bool) -> None:
        super().__init__(PageView(desk, temporary=temporary, id="page"))
        self.desk = desk
        self.home = desk.home
        self.temporary = temporary
        self.tuning = Tuning(self)
        self._meter: Context | None = None
        self._plan: ContextPlan | None = None

    @property
    def chat(self) -> Chat:
        """The chat in view."""
        return self.page.chat

    def tell_trouble(self, sentence: str) -> None:
        """Something could not be done; what was written is still there."""
        self.notify(sentence, markup=False, severity="error", timeout=6)

    # What it shows ------------------------------------------------------------------------------------------

    def show_sampling(self) -> None:
        """The settings in force."""
        for panel in self.columns(SamplingPanel):
            panel.show(self.chat.session.sampling(), context=self._window_in(panel), presets=self.tuning.presets)

    def _window_in(self, panel: SamplingPanel) -> tuple[int, int] | None:
        """Tokens used, and tokens there is room for; in a drawer the status line below it has them."""
        return (self._meter.used, self._meter.total) if self._meter and panel.screen is self else None

    @on(PageView.ContextCounted)
    def _counted(self, event: PageView.ContextCounted) -> None:
        if event.context != self._meter or event.plan != self._plan:
            self._meter, self._plan = event.context, event.plan
            for panel in self.columns(SamplingPanel):
                panel.show_context(self._window_in(panel), self._plan)

    def show_token(self, chat: Chat, event: TurnEvent) -> None:
        """How the last token of the reply was decided; told no faster than is painted."""
        reply, info = chat.streaming, self.desk.engine.info
        token = None
        if isinstance(event, Tokens):
            if not event.records or reply is None or info is None:
                return
            token = LastToken(len(reply.token_ids), event.records[-1], info.vocabulary)
        for panel in self.columns(SamplingPanel):
            panel.show_token(token)

    # What is wished -----------------------------------------------------------------------------------------

    @on(SamplingPanel.Changed)
    async def _setting_changed(self, event: SamplingPanel.Changed) -> None:
        await self.tune({**self.chat.session.overrides, event.name: event.value})

    @on(SamplingPanel.Edit)
    def _setting_edited(self, event: SamplingPanel.Edit) -> None:
        self.tuning.edit(event.name)

    @on(SamplingPanel.Reset)
    async def _setting_reset(self, event: SamplingPanel.Reset) -> None:
        await self.tune({n: v for n, v in self.chat.session.overrides.items() if n != event.name})

    @on(SamplingPanel.NeutraliseAll)
    async def _neutralised(self) -> None:
        await self.tuning.choose("Neutral")

    @on(SamplingPanel.PresetChosen)
    async def _preset_chosen(self, event: SamplingPanel.PresetChosen) -> None:
        await self.tuning.choose(event.name)

    @on(SamplingPanel.SaveAs)
    async def _preset_saved(self, event: SamplingPanel.SaveAs) -> None:
        await self.tuning.save(event.name)

    @on(SamplingPanel.Renamed)
    async def _preset_renamed(self, event: SamplingPanel.Renamed) -> None:
        await self.tuning.rename(event.name)

    async def tune(self, overrides: dict[str, object]) -> None:
        """Take the session's own values: drawn with from the next token on, and kept."""
        with self.page.trouble_told():
            await self.chat.tune(self.chat.session.preset, overrides)
        self.desk.turns.try_again(self.chat)  # a shorter reply may fit
        self.show_sampling()

    def go_to_setting(self, name: SettingName) -> None:
        """Stand on a setting, wherever its column is."""
        if not self.query_one("#sampling").display:
            self.action_column("sampling")
        for panel in self.columns(SamplingPanel):
            panel.stand_on(name)
            panel.focus()
