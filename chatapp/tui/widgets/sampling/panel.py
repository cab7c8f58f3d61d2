"""The sampling column: every setting with its value, its range and where the value comes from.

The panel changes nothing by itself. It posts what is wished; the owner applies it and calls `show` with what is
in force then, so that there is one place where the settings live. Drawing, wishing and typing are the classes
that it builds on; here are its keys and the mouse.
"""

from __future__ import annotations

from textual import events

from chatapp.conversation.sampling import RANDOM_SEED, Family, Setting, TextSetting
from chatapp.tui.widgets.sampling.keys import KEYS
from chatapp.tui.widgets.sampling.lines import slider_place
from chatapp.tui.widgets.sampling.naming import NamingColumn
from chatapp.tui.widgets.sampling.values import slid, stepped
from chatapp.tui.widgets.sampling.view import PRESET_ROW


class SamplingPanel(NamingColumn, can_focus=True):
    """The settings in force, turned with the arrows, by typing, or with the mouse."""

    DEFAULT_CSS = """
    SamplingPanel { width: auto; height: 100%; background: $background; }
    """

    BINDINGS = KEYS

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._dragging = False

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """While a value is being typed, keys belong to the typing."""
        return self._view.typed is None or action == "move"

    def action_move(self, rows: int) -> None:
        """Go up or down, the preset line included."""
        self._stand_on(max(PRESET_ROW, min(len(self._view.rows) - 1, self._view.at + rows)))

    def action_step(self, direction: int, big: bool = False) -> None:
        """Turn the setting by a step, or take the next preset."""
        setting = self._setting
        if self._view.at == PRESET_ROW:
            self.action_preset(direction)
        elif isinstance(family := self._view.row, Family):
            self._fold(family, shut=direction < 0)
        elif setting is None:
            return
        elif direction > 0 and setting.name == "seed" and self._value == RANDOM_SEED:
            self._want(setting, self._view.used_seed or 0)
        else:
            self._want(setting, stepped(setting, self._value, direction, big=big))

    def action_open(self) -> None:
        """Fold a family or unfold it; edit a text; begin to type a number."""
        row = self._view.row
        if isinstance(row, Family):
            self._fold(row, shut=row.name in self._view.unfolded)
        elif isinstance(row, TextSetting):
            self.post_message(self.Edit(row.name))
        elif isinstance(row, Setting):
            self._see(typed="")

    def _fold(self, family: Family, *, shut: bool) -> None:
        self._see(unfolded=self._view.unfolded - {family.name} if shut else self._view.unfolded | {family.name})

    def action_end_of_range(self, high: bool) -> None:
        """Go to an end of the slider; a setting without one has only its word at the low end."""
        setting = self._setting
        if setting and setting.slides:
            self._want(setting, setting.high if high else setting.low)
        elif setting and not high:
            self._want(setting, setting.neutral)

    def action_neutral(self) -> None:
        """Give the setting the value that changes nothing."""
        row = self._view.row
        if isinstance(row, Setting):
            self._want(row, row.neutral)
        elif isinstance(row, TextSetting):
            self.post_message(self.Changed(row.name, row.neutral))

    def action_all_neutral(self) -> None:
        """Give all settings the values that change nothing."""
        self._waits = False
        self.post_message(self.NeutraliseAll())

    def action_reset(self) -> None:
        """Drop the session's own value."""
        row = self._view.row
        if isinstance(row, Setting | TextSetting) and (
            self._waits or self._view.force.sources[row.name] == "session"
        ):
            self._waits = False
            self.post_message(self.Reset(row.name))

    def action_preset(self, direction: int) -> None:
        """Take the preset before or after the present one; the list goes round."""
        names = [preset.name for preset in self._view.presets]
        present = self._view.force.preset.name
        place = names.index(present) + direction if present in names else 0
        self._waits = False
        self.post_message(self.PresetChosen(names[place % len(names)]))

    def action_leave(self) -> None:
        """Go back to where one came from."""
        self.post_message(self.Leave())

    # -- mouse and focus

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Stand on the row; on its slider, take hold of the knob."""
        row = self._draw().rows.get(event.y)
        if row is None:
            return
        was = self._view.at
        self._stand_on(row)
        if not isinstance(self._view.row, Setting | None) and (row == was or isinstance(self._view.row, Family)):
            self.action_open()
        elif row == PRESET_ROW and event.x >= self.size.width - 7:
            self.action_preset(-1 if event.x <= self.size.width - 6 else 1)
        elif (setting := self._setting) and setting.slides:
            start, cells = slider_place(self.size.width, setting.format(self._value))
            # A cell more on each side, so that an end can be had when the knob already stands near it.
            if start - 1 <= event.x <= start + cells:
                self._dragging = True
                self.capture_mouse()
                self._want(setting, slid(setting, self._value, event.x, self.size.width))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Draw the knob along."""
        if self._dragging and (setting := self._setting):
            self._want(setting, slid(setting, self._value, event.x, self.size.width))

    def on_mouse_up(self) -> None:
        """Let the knob go."""
        if self._dragging:
            self._dragging = False
            self.release_mouse()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """More, while the panel has the focus."""
        self._wheel(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Less, while the panel has the focus."""
        self._wheel(event, -1)

    def _wheel(self, event: events.MouseEvent, direction: int) -> None:
        if self.has_focus and self._view.typed is None:
            event.stop()
            self.action_step(direction)

    def on_focus(self) -> None:
        """Light the mark of the row."""
        self._see(focused=True)

    def on_blur(self) -> None:
        """Stop typing, unless only the terminal's window lost the focus."""
        self._see(focused=False)
        if self.app.app_focus:
            self._waits = False
            self._see(typed=None, refused=False, naming=None, word="")
