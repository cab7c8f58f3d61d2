"""A one-line field in the house's tones."""

from __future__ import annotations

from rich.style import Style
from textual.widgets import Input

from chatapp.tui.look import look_of


class Field(Input):
    """A field whose placeholder is as faint as everything that is faint, and whose caret does not blink."""

    def __init__(self, placeholder: str) -> None:
        super().__init__(placeholder=placeholder, compact=True)
        self.cursor_blink = False

    def get_component_rich_style(self, *names: str, partial: bool = False, default: Style | None = None) -> Style:
        """The style of a part of the field."""
        if names == ("input--placeholder",):
            return look_of(self.app).faint
        return super().get_component_rich_style(*names, partial=partial, default=default)
