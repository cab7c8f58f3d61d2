"""What is done with the settings of the chat in view: presets are taken, saved, renamed, deleted; texts edited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from chatapp.conversation.sampling import (
    SHIPPED,
    Preset,
    Presets,
    SamplingSettings,
    SettingName,
    TextSetting,
    control_named,
)
from chatapp.conversation.session import FORM
from chatapp.errors import Refusal
from chatapp.text import display_line
from chatapp.tui.assistant import TEMPORARY
from chatapp.tui.screens.setting_text import SettingText
from chatapp.tui.widgets.sampling import SamplingPanel

if TYPE_CHECKING:
    from chatapp.tui.screens.main import MainScreen
    from chatapp.tui.screens.sampling_screen import SamplingScreen

TOLD_SECONDS = 6


def preset_actions(screen: MainScreen) -> list[tuple[str, Callable[[MainScreen], None]]]:
    """What the palette offers."""
    name = screen.chat.session.sampling().preset.name
    rename = [(f"Rename the preset {name}", partial(_ask, naming="rename"))]
    return [
        ("Save the sampling settings as a preset", partial(_ask, naming="save as")),
        *(rename if screen.tuning.presets.is_own(name) else []),
        *(
            (f"Move the preset {one.name} to the trash", partial(_delete, name=one.name))
            for one in screen.tuning.presets.own
        ),
    ]


def _ask(screen: MainScreen, *, naming: str) -> None:
    screen.go_to_setting("temperature")
    for panel in screen.columns(SamplingPanel):
        if naming == "rename":
            panel.ask_name("rename", screen.chat.session.sampling().preset.name)
        else:
            panel.action_save_as()


def _delete(screen: MainScreen, *, name: str) -> None:
    screen.run_worker(screen.tuning.delete(name), group="tune")


class Tuning:
    """The presets there are, and the settings of the chat in view."""

    def __init__(self, screen: SamplingScreen) -> None:
        self._screen = screen
        self.presets: Presets = SHIPPED
        """As they were read last: the screen never waits for the disk."""

    async def read_presets(self) -> None:
        """Read the user's own presets, and show what is new."""
        self.presets = await asyncio.to_thread(self._screen.home.presets.all)
        self._screen.show_sampling()

    def edit(self, name: SettingName) -> None:
        """Let a setting that is a text be edited."""
        control = control_named(name)
        if not isinstance(control, TextSetting):
            return
        session = self._screen.chat.session
        value = getattr(session.sampling().settings, name)

        async def take(answer: tuple[object] | None) -> None:
            if answer is not None:
                await self._screen.tune({**self._screen.chat.session.overrides, control.name: answer[0]})

        self._screen.app.push_screen(SettingText(control, value), take)

    async def choose(self, name: str) -> None:
        """Take a preset whole: the session's own changes yield to it, all but the seed."""
        session = self._screen.chat.session
        preset = self.presets.get(name)
        if preset is None:
            return
        session.preset = preset
        await self._screen.tune({n: v for n, v in session.overrides.items() if n == "seed"})

    async def save(self, name: str) -> None:
        """Keep the values in force as a preset, and use it: nothing that is in force changes by it."""
        session = self._screen.chat.session
        now = session.sampling()
        values = kept_values(now.settings, session.persona.sampling)
        before = self.presets.get(name)
        preset = Preset(name, before.purpose if before and self.presets.is_own(name) else "your own", values)
        if not await self._done(partial(self._screen.home.presets.save, preset)):
            return
        session.preset, session.overrides = preset, {}
        await self._screen.tune(beyond(session.sampling().settings, now.settings))

    async def rename(self, name: str) -> None:
        """Give the preset in force another name."""
        session = self._screen.chat.session
        present = session.sampling().preset
        if await self._done(partial(self._screen.home.presets.rename, present.name, name)):
            session.preset = Preset(name, present.purpose, present.values)
            await self._screen.tune(dict(session.overrides))

    async def delete(self, name: str) -> None:
        """Move a preset of the user's own to the trash; sessions that have it keep its values."""
        if await self._done(partial(self._screen.home.presets.delete, name)):
            self._screen.notify(
                f"{display_line(name)} lies in the folder presets/trash. Sessions that have it keep its values.",
                markup=False,
                timeout=TOLD_SECONDS,
            )

    async def _done(self, work: Callable[[], object]) -> bool:
        if self._screen.temporary:
            self._screen.tell_trouble(TEMPORARY)
            return False
        try:
            await asyncio.to_thread(work)
        except Refusal as refusal:
            self._screen.tell_trouble(str(refusal))
            return False
        await self.read_presets()
        return True


def kept_values(settings: SamplingSettings, persona: Mapping[str, Any]) -> dict[str, Any]:
    """The values a preset keeps: all but defaults, the seed and what the persona says of form."""
    of_persona = {name for name in FORM if name in persona and getattr(settings, name) == persona[name]}
    differing = settings.model_dump(exclude_defaults=True)
    return {name: getattr(settings, name) for name in differing if name not in {"seed", *of_persona}}


def beyond(inherited: SamplingSettings, settings: SamplingSettings) -> dict[str, Any]:
    """The values that a session must set itself, to have these settings on top of what it inherits."""
    return {
        name: getattr(settings, name)
        for name in SamplingSettings.model_fields
        if getattr(settings, name) != getattr(inherited, name)
    }
