"""Typing a value where it stands."""

from __future__ import annotations

from textual import events

from chatapp.conversation.sampling import Setting
from chatapp.text import display_line
from chatapp.tui.widgets.sampling.values import begins_value, read_value
from chatapp.tui.widgets.sampling.wishing import WishingColumn

_LONGEST_TYPED = 24


class EntryColumn(WishingColumn):
    """Takes keys and pastes as a value, and refuses what lies outside the setting's range."""

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
