"""The sheet in which a setting that is a text is edited: stop strings, a grammar, a schema, biases, the chain."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static, TextArea

from chatapp.conversation.sampling import TextSetting, checked
from chatapp.text import display


class SettingText(ModalScreen[tuple[object] | None]):
    """Edits one value; dismissed with the value in a tuple of one, or with None when it is to stay."""

    DEFAULT_CSS = """
    SettingText { align: center top; background: $background 62%; }
    SettingText > Vertical {
        width: 76; max-width: 100%; height: auto; margin-top: 3; padding: 1 2; background: $surface;
    }
    SettingText Static { height: auto; margin-bottom: 1; }
    SettingText TextArea { height: 14; max-height: 60%; border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", "Take it", id="setting.accept", priority=True),
        Binding("escape", "leave", "Leave it as it was", id="setting.leave", priority=True),
    ]

    def __init__(self, setting: TextSetting, value: object) -> None:
        super().__init__()
        self._setting = setting
        self._value = value

    def compose(self) -> ComposeResult:
        """What it is, the text, and what was wrong with it."""
        with Vertical():
            yield Static(Content(f"{self._setting.label}\n{self._setting.help}"), markup=False)
            yield TextArea(self._setting.show(self._value), soft_wrap=False)
            yield Static(Content("ctrl+s takes it   esc leaves it as it was"), markup=False, id="verdict")

    def on_mount(self) -> None:
        """Write at once."""
        self.query_one(TextArea).focus()

    def action_accept(self) -> None:
        """Take the value, if it is one; else say what is wrong, and keep what was typed."""
        try:
            value = checked(self._setting.name, self._setting.read(self.query_one(TextArea).text))
        except ValueError as error:
            self.query_one("#verdict", Static).update(Content(display(f"! {error}")))
            return
        self.dismiss((value,))

    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)
