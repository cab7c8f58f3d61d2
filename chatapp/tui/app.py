"""The app: themes, the guard before the terminal, signals, and the one screen that everything happens on."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import LineFilter

from chatapp.home import Home
from chatapp.tui.guard import Guard
from chatapp.tui.hangup import HangUp
from chatapp.tui.screens.main import MainScreen, Start
from chatapp.tui.themes import HOUSE_THEMES


def start(arguments: argparse.Namespace) -> int:
    """Run the app in this terminal; returns its exit status."""
    # Without the kitty keyboard protocol a lone Esc is told from a sequence by waiting: 25 ms are plenty.
    os.environ.setdefault("ESCDELAY", "25")
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    home = Home.open(arguments.data_dir)
    wanted = Start(
        model=arguments.model,
        persona=arguments.persona,
        session=arguments.session,
        continue_newest=arguments.continue_newest,
        temporary=arguments.temporary,
    )
    app = ChatApp(home, wanted)
    app.run()
    return app.return_code or 0


class ChatApp(App[None]):
    """chatapp in a terminal."""

    TITLE = "chatapp"
    ENABLE_COMMAND_PALETTE = False
    CSS_PATH: ClassVar[list[str]] = [  # type: ignore[assignment]
        f"styles/{name}.tcss" for name in ("main", "composer", "sheet", "personas", "keys", "drawer")
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "leave", "quit", id="app.quit", priority=True),
    ]

    def __init__(self, home: Home, wanted: Start) -> None:
        super().__init__()
        self.home = home
        self._wanted = wanted
        # One for all frames: painted strips remember what a filter made of them.
        self._guard = Guard()
        self._hang_up = HangUp(self._leave_hurriedly)
        for theme in HOUSE_THEMES:
            self.register_theme(theme)
        self.theme = home.settings.theme if home.settings.theme in self.available_themes else "ink"
        self.set_keymap(home.settings.keys)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """The guard stands last, behind all that draws."""
        return [*super().get_line_filters(), self._guard]

    def on_mount(self) -> None:
        """Show the one screen."""
        self._hang_up.watch()
        self.push_screen(MainScreen(self.home, self._wanted))

    async def action_leave(self) -> None:
        """Stop what runs, save what was said, and go."""
        await self._clear_desk()
        self.exit()

    def _leave_hurriedly(self, status: int, gone: bool) -> None:
        self.run_worker(self._leave_with(status, gone), group="leaving", exit_on_error=False)

    async def _leave_with(self, status: int, gone: bool) -> None:
        await self._clear_desk()
        if gone:
            # There is no screen to restore, and Textual's own way out would wait for one.
            os._exit(status)
        self.exit(return_code=status)

    async def _clear_desk(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, MainScreen):
                await screen.leave()
