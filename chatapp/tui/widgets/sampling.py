"""The sampling column: every setting with its value, its range and where the value comes from.

The panel changes nothing by itself. It posts what is wished; the owner applies it and calls `show` with what is
in force then, so that there is one place where the settings live.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from chatapp.conversation.context import ContextPlan
from chatapp.conversation.sampling import (
    BALANCED,
    FAMILIES,
    PRESETS,
    RANDOM_SEED,
    Family,
    InForce,
    Setting,
    SettingName,
    TextSetting,
    checked,
    resolve,
    typed_range,
)
from chatapp.text import display_line
from chatapp.tui.lines import strip
from chatapp.tui.look import Look, look_of
from chatapp.tui.widgets.sampling_lines import PRESET_ROW, Picture, View, draw, share_of, slider_place

WIDTH, WIDE, WIDE_FROM = 34, 46, 160
_LONGEST_TYPED = 24
_NEUTRAL_WORD = "off"

_KEYS: list[BindingType] = [
    Binding("up", "move(-1)", "Setting above", show=False, id="sampling.up"),
    Binding("down", "move(1)", "Setting below", show=False, id="sampling.down"),
    Binding("left", "step(-1)", "Less", show=False, id="sampling.less"),
    Binding("right", "step(1)", "More", show=False, id="sampling.more"),
    Binding("shift+left,ctrl+left", "step(-1, True)", "Much less", show=False, id="sampling.much_less"),
    Binding("shift+right,ctrl+right", "step(1, True)", "Much more", show=False, id="sampling.much_more"),
    Binding("home", "end_of_range(False)", "Lowest", show=False, id="sampling.lowest"),
    Binding("end", "end_of_range(True)", "Highest", show=False, id="sampling.highest"),
    Binding("n", "neutral", "Neutral", show=False, id="sampling.neutral"),
    Binding("N,shift+n", "all_neutral", "All neutral", show=False, id="sampling.all_neutral"),
    Binding("backspace,delete", "reset", "Reset", show=False, id="sampling.reset"),
    Binding("<", "preset(-1)", "Previous preset", show=False, id="sampling.previous_preset"),
    Binding(">", "preset(1)", "Next preset", show=False, id="sampling.next_preset"),
    Binding("enter,space", "open", "Unfold, edit", show=False, id="sampling.open"),
    Binding("escape", "leave", "Leave", show=False, id="sampling.leave"),
]


class SamplingPanel(Widget, can_focus=True):
    """The settings in force, turned with the arrows, by typing, or with the mouse."""

    DEFAULT_CSS = """
    SamplingPanel { width: auto; height: 100%; background: $background; }
    """

    BINDINGS = _KEYS

    @dataclass
    class Changed(Message):
        """A value is wished for a setting; it lies within the range."""

        name: SettingName
        value: object

        def can_replace(self, message: Message) -> bool:
            """A slider that moves fast leaves only its last value in the queue."""
            return isinstance(message, SamplingPanel.Changed) and message.name == self.name

    @dataclass
    class Edit(Message):
        """A setting that is a text is to be edited."""

        name: SettingName

    @dataclass
    class Reset(Message):
        """The session's own value of a setting is to go, so that the inherited one shows again."""

        name: SettingName

    @dataclass
    class PresetChosen(Message):
        """Another preset is wished."""

        name: str

    class NeutraliseAll(Message):
        """Every setting is to take the value that changes nothing."""

    class Leave(Message):
        """The person is done here."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._view = View(resolve(BALANCED))
        self._picture: tuple[tuple[Size, Look, View], Picture] | None = None
        self._wanted: float | None = None
        self._waits = False
        self._dragging = False

    def show(
        self, in_force: InForce, *, context: tuple[int, int] | None = None, used_seed: int | None = None
    ) -> None:
        """Show what is in force now; `context` is tokens used and tokens that there is room for."""
        self._see(force=in_force, context=context, used_seed=used_seed)
        if self._waits and self._setting and getattr(in_force.settings, self._setting.name) == self._wanted:
            self._waits = False

    def show_context(self, context: tuple[int, int] | None, plan: ContextPlan | None = None) -> None:
        """Show how full the context window is now, and of what; the settings stay as they are."""
        self._see(context=context, plan=plan)

    # -- drawing

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002
        """The column is wider where the terminal is."""
        return WIDE if viewport.width >= WIDE_FROM else WIDTH

    def render_line(self, y: int) -> Strip:
        """One line of the column, from a drawing that is kept until something in it changes."""
        lines = self._draw().lines
        return strip(lines[y] if y < len(lines) else [], self.size.width, look_of(self.app).ground)

    def _draw(self) -> Picture:
        key = (self.size, look_of(self.app), self._view)
        if self._picture is None or self._picture[0] != key:
            self._picture = key, draw(self._view, look_of(self.app), self.size.width, self.size.height)
        return self._picture[1]

    def _see(self, **changes: object) -> None:
        view = replace(self._view, **changes)  # type: ignore[arg-type]
        if view != self._view:
            before = self._draw().lines
            self._view = view
            for y, (was, line) in enumerate(zip(before, self._draw().lines, strict=True)):
                if was != line:
                    self.refresh(Region(0, y, self.size.width, 1))

    # -- moving and turning

    @property
    def _setting(self) -> Setting | None:
        """The number stood on; none on the preset line, a family or a text."""
        row = self._view.row
        return row if isinstance(row, Setting) else None

    @property
    def _value(self) -> float | None:
        """The value to step from: the one last wished until the owner has shown it, else the one in force."""
        if self._waits:
            return self._wanted
        value: float | None = getattr(self._view.force.settings, self._setting.name) if self._setting else None
        return value

    def _want(self, setting: Setting, value: float | None) -> None:
        value = checked(setting.name, value)
        if value != self._value:
            self._wanted, self._waits = value, True
            self.post_message(self.Changed(setting.name, value))

    def stand_on(self, name: SettingName) -> None:
        """Put the mark on a setting, unfolding its family."""
        for family in FAMILIES:
            if any(setting.name == name for setting in family.settings):
                self._see(unfolded=self._view.unfolded | {family.name})
        rows = enumerate(self._view.rows)
        self._stand_on(next(at for at, row in rows if getattr(row, "name", None) == name))

    def _stand_on(self, row: int) -> None:
        self._waits = False
        self._see(at=row, typed=None, refused=False)

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
        """Fold a family or unfold it; edit a text."""
        row = self._view.row
        if isinstance(row, Family):
            self._fold(row, shut=row.name in self._view.unfolded)
        elif isinstance(row, TextSetting):
            self.post_message(self.Edit(row.name))

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
        names = [preset.name for preset in PRESETS]
        present = self._view.force.preset.name
        place = names.index(present) + direction if present in names else 0
        self._waits = False
        self.post_message(self.PresetChosen(names[place % len(names)]))

    def action_leave(self) -> None:
        """Go back to where one came from."""
        self.post_message(self.Leave())

    # -- typing

    def on_key(self, event: events.Key) -> None:
        """Begin to type a value, or go on with it; other keys are left to the bindings."""
        setting = self._setting
        if setting and self._view.typed is None and begins_value(setting, event.character):
            self._see(typed="")
        if setting and self._view.typed is not None and self._took(event, setting, self._view.typed):
            event.stop()
            event.prevent_default()

    def on_paste(self, event: events.Paste) -> None:
        """A pasted value is typed like any other, and must be accepted."""
        if self._setting:
            event.stop()
            text = display_line((self._view.typed or "") + event.text.strip())
            self._see(typed=text[:_LONGEST_TYPED], refused=False)

    def _took(self, event: events.Key, setting: Setting, typed: str) -> bool:
        if event.key == "enter":
            self._accept(setting, typed)
        elif event.key == "escape":
            self._see(typed=None, refused=False)
        elif event.key == "backspace":
            self._see(typed=typed[:-1], refused=False)
        elif event.key in {"up", "down"}:
            self._accept(setting, typed)
            return self._view.refused
        elif event.is_printable and event.character:
            self._see(typed=(typed + event.character)[:_LONGEST_TYPED], refused=False)
        else:
            return False
        return True

    def _accept(self, setting: Setting, typed: str) -> None:
        try:
            value = self._value if not typed.strip() else read_value(setting, typed)
        except ValueError:
            self._see(refused=True)
            return
        self._see(typed=None, refused=False)
        self._want(setting, value)

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
            self._see(typed=None, refused=False)


def stepped(setting: Setting, value: float | None, direction: int, *, big: bool = False) -> float | None:
    """The value one step on. It stops at the slider's ends, but a value typed past them may come back by steps."""
    stride = direction * (setting.big_step if big else setting.step)
    if value is None:
        return stride if direction > 0 else None
    moved = round(value + stride, 6)
    if moved < setting.low and setting.neutral is None:
        return None
    high = setting.high if setting.slides else typed_range(setting.name)[1]
    return max(min(setting.low, value), min(moved, max(high, value)))


def slid(setting: Setting, value: float | None, x: int, width: int) -> float | None:
    """The value of the slider's cell at a column, on the setting's own steps; beyond its ends, that of the end."""
    start, cells = slider_place(width, setting.format(value))
    # A cell covers many values: a click on the knob itself must not move it to the middle of its cell.
    if value is not None and x - start == round(share_of(setting, value) * (cells - 1)):
        return value
    cell = max(0, min(cells - 1, x - start))
    there = setting.low + cell / (cells - 1) * (setting.high - setting.low)
    return round(round(there / setting.step) * setting.step, 6)


def begins_value(setting: Setting, character: str | None) -> bool:
    """Whether a character can begin a value: a number, or one of the words that the setting knows."""
    if not character:
        return False
    return character in "0123456789.-+" or any(word[0] == character.casefold() for word in _words(setting))


def read_value(setting: Setting, typed: str) -> float | None:
    """The value that a text stands for.

    Raises:
        ValueError: when it is no number and no word of the setting's, or lies outside the range.
    """
    text = typed.strip().casefold()
    if text in _words(setting):
        return setting.neutral
    # A comma divides thousands in whole numbers, and is the decimal point of half the world in others.
    value: float = checked(setting.name, text.replace(",", "." if setting.decimals else ""))
    return value


def _words(setting: Setting) -> list[str]:
    return [word for word in (setting.empty, _NEUTRAL_WORD) if word]
