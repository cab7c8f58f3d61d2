"""What a step, a place on the slider or a typed text makes of a setting's value: pure, without the widget."""

from __future__ import annotations

from chatapp.conversation.sampling import Setting, checked, typed_range
from chatapp.tui.widgets.sampling.lines import share_of, slider_place

_NEUTRAL_WORD = "off"


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
