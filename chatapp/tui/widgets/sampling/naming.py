"""Typing a preset's name, on the preset line."""

from __future__ import annotations

from textual import events

from chatapp.conversation.sampling.presets import NAME_LENGTH
from chatapp.text import repair
from chatapp.tui.widgets.sampling.entry import EntryColumn
from chatapp.tui.widgets.sampling.view import PRESET_ROW, Naming


class NamingColumn(EntryColumn):
    """Asks for a name, and asks again before it takes the place of another preset."""

    _came_from = PRESET_ROW

    def ask_name(self, naming: Naming, name: str = "") -> None:
        """Begin to type a name, from this one on; then the mark goes back to where it was."""
        self._came_from = self._view.at
        self._stand_on(PRESET_ROW)
        self._see(naming=naming, typed=name)

    def action_save_as(self) -> None:
        """Keep the values in force as a preset; the name of one's own preset is offered again."""
        name = self._view.force.preset.name
        self.ask_name("save as", name if self._view.presets.is_own(name) else "")

    def on_key(self, event: events.Key) -> None:
        """Go on with the name; the keys that it does not take are left to the bindings."""
        if self._view.naming and self._spelled(event, self._view.typed or ""):
            event.stop()
            event.prevent_default()

    def on_paste(self, event: events.Paste) -> None:
        """A pasted name is typed like any other, and must be accepted."""
        if self._view.naming:
            event.stop()
            self._spell((self._view.typed or "") + repair(event.text))

    def _spelled(self, event: events.Key, typed: str) -> bool:
        if event.key == "enter":
            self._take_name(" ".join(typed.split()))
        elif event.key == "escape":
            self._stand_on(self._came_from)
        elif event.key == "backspace":
            self._spell(typed[:-1])
        elif event.is_printable and event.character:
            self._spell(typed + event.character)
        else:
            return False
        return True

    def _spell(self, name: str) -> None:
        self._see(typed=" ".join(name.split("\n"))[:NAME_LENGTH], refused=False, word="")

    def _take_name(self, name: str) -> None:
        naming = self._view.naming
        asked, objection = self._view.word, self._objection(name)
        if objection and not (naming == "save as" and asked == objection):
            self._see(word=objection, refused=naming == "rename")
            return
        self._stand_on(self._came_from)
        if name:
            self.post_message(self.SaveAs(name) if naming == "save as" else self.Renamed(name))

    def _objection(self, name: str) -> str:
        """What speaks against a name; a second enter overrules it for what is saved, not for a new name."""
        presets, present = self._view.presets, self._view.force.preset
        there = presets.get(name)
        if self._view.naming == "rename":
            return f"There is a {there.name} already." if there and not present.called(name) else ""
        if there is None:
            return ""
        if presets.is_own(name):
            return f"enter again replaces your {there.name}."
        return f"{there.name} ships with the app; enter again puts yours in its place."
