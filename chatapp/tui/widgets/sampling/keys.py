"""The keys of the sampling column; each has an id, so that a person can give it another key."""

from __future__ import annotations

from textual.binding import Binding, BindingType

KEYS: list[BindingType] = [
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
    Binding("s", "save_as", "Save as a preset", show=False, id="sampling.save_as"),
    Binding("enter,space", "open", "Unfold, edit, type a value", show=False, id="sampling.open"),
    Binding("escape", "leave", "Leave", show=False, id="sampling.leave"),
]
