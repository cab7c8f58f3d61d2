"""The app: themes, the guard before the terminal, signals, and the one screen that everything happens on.

The first frame imports nothing but Textual and a few of our own lines: the rooms are opened behind it.
"""

from __future__ import annotations

import argparse
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import events, work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import LineFilter

from chatapp.errors import Refusal
from chatapp.paths import Paths
from chatapp.tui.guard import Guard
from chatapp.tui.hangup import HangUp
from chatapp.tui.pasting import disarm_pastes
from chatapp.tui.screens.curtain import Curtain
from chatapp.tui.start import Start
from chatapp.tui.themes import HOUSE_THEMES, INK

if TYPE_CHECKING:
    from chatapp.home import Home
    from chatapp.store import StoreError
    from chatapp.tui.screens.main import MainScreen


def start(arguments: argparse.Namespace, settings: Mapping[str, int | str]) -> int:
    """Run the app in this terminal, some settings given with it; returns its exit status."""
    # Without the kitty keyboard protocol a lone Esc is told from a sequence by waiting: 25 ms are plenty.
    os.environ.setdefault("ESCDELAY", "25")
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    disarm_pastes()
    app = ChatApp(Paths.default(arguments.data_dir), Start.of(arguments, settings))
    app.run()
    return app.return_code or 0


class ChatApp(App[None]):
    """chatapp in a terminal."""

    TITLE = "chatapp"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    ToastRack { margin-bottom: 5; }
    Toast { background: $surface; border: none; width: auto; max-width: 60; padding: 0 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "leave", "quit", id="app.quit", priority=True),
    ]

    def __init__(self, paths: Paths, wanted: Start) -> None:
        super().__init__()
        self._paths = paths
        self._wanted = wanted
        self._main: MainScreen | None = None
        self._furnished = False
        self._early: list[events.Key | events.Paste] = []
        self._recovering = False
        # One for all frames: painted strips remember what a filter made of them.
        self._guard = Guard()
        self._hang_up = HangUp(self._leave_hurriedly)
        for theme in HOUSE_THEMES:
            self.register_theme(theme)
        wished = _theme(paths)
        self.theme = wished if wished in self.available_themes else INK.name

    def get_line_filters(self) -> Sequence[LineFilter]:
        """The guard stands last, behind all that draws."""
        return [*super().get_line_filters(), self._guard]

    async def on_event(self, event: events.Event) -> None:
        """Keys that come before the composer does are kept for it."""
        waits = not self._furnished and not self._recovering
        if waits and isinstance(event, events.Key | events.Paste):
            self._early.append(event)
        else:
            await super().on_event(event)

    def on_mount(self) -> None:
        """Paint the first frame, then open the rooms behind it."""
        if not self.is_headless:
            self._hang_up.watch()
        self.push_screen(Curtain())
        self.call_after_refresh(self._raise_curtain)

    @work(group="curtain")
    async def _raise_curtain(self) -> None:
        from chatapp.home import Home  # noqa: PLC0415  the point of the curtain

        try:
            home = Home.open(self._paths, self._wanted.settings)
        except Refusal as refusal:
            self.give_up(str(refusal))
            return
        self.set_keymap(home.settings.keys)
        await self._enter(home, self._wanted)

    async def _enter(self, home: Home, wanted: Start) -> None:
        from chatapp.tui.screens.main import MainScreen  # noqa: PLC0415  the point of the curtain

        main = MainScreen(home, wanted, self.give_up, partial(self._recover, home))
        self._main = main
        await self.switch_screen(main)
        await main.furnished.wait()
        main.page.composer.let_go(home.settings.keys.values())
        self._furnished = True
        for event in self._early:
            self.post_message(event)
        self._early.clear()

    @work(group="curtain", exclusive=True)
    async def _recover(self, home: Home, error: StoreError) -> None:
        """The chats cannot be used as they are: show what can be done, do it, and begin again."""
        from chatapp.tui.screens.recovery import RecoveryScreen  # noqa: PLC0415  hardly ever needed

        await self._clear_desk()
        self._main, self._furnished, self._recovering = None, False, True
        reading = await self.push_screen_wait(RecoveryScreen(home.paths.database, error))
        self._recovering = False
        if reading is None:
            self.give_up(str(error))
        else:
            await self._enter(home, replace(self._wanted, reading=reading))

    def give_up(self, sentence: str) -> None:
        """End, with a sentence that is left in the terminal."""
        self.exit(return_code=1, message=Text(f"chatapp: {sentence}"))

    async def on_unmount(self) -> None:
        """Whatever the way out, what was opened is closed."""
        if self._main is not None:
            await self._main.desk.close()

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
        if self._main is not None:
            await self._main.leave()


def _theme(paths: Paths) -> str:
    """The theme that the settings name; whatever else they say is read, and judged, behind the first frame."""
    try:
        return str(tomllib.loads(paths.settings.read_text("utf-8")).get("theme", INK.name))
    except (OSError, ValueError):
        return INK.name
