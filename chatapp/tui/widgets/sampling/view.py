"""What the sampling column shows, and what of it can be stood on; replaced whole at any change."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from chatapp.conversation.context import ContextPlan
from chatapp.conversation.decision import TokenRecord
from chatapp.conversation.sampling import (
    FAMILIES,
    SETTINGS,
    SHIPPED,
    UNKNOWN,
    Family,
    InForce,
    Presets,
    SamplingSettings,
    Setting,
    SettingName,
    TextSetting,
)

Row = Setting | TextSetting | Family | None
"""What can be stood on; None is the preset line."""
PRESET_ROW = 0
Naming = Literal["save as", "rename"]


@dataclass(frozen=True, slots=True)
class LastToken:
    """The last token of a reply that streams, as it was recorded; `number` counts from 1."""

    number: int
    record: TokenRecord
    vocabulary: int
    """How many tokens the model knows."""


@dataclass(frozen=True, slots=True)
class View:
    """All that the column shows. `at` is the row stood on; `typed` is a value being typed there."""

    force: InForce
    context: tuple[int, int] | None = None
    """Tokens used, and tokens that there is room for."""
    used_seed: int | None = None
    """The seed that the last reply was drawn with."""
    plan: ContextPlan | None = None
    """What the window holds, by parts; shown where the column is tall."""
    token: LastToken | None = None
    """What was decided last, while a reply streams; shown where there is room."""
    at: int = 1
    unfolded: frozenset[str] = frozenset()
    """The families whose settings are seen."""
    focused: bool = False
    typed: str | None = None
    refused: bool = False
    presets: Presets = SHIPPED
    naming: Naming | None = None
    """What the name is for that is being typed on the preset line."""
    word: str = ""
    """What is to be said of that name."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """All that can be stood on, from the top."""
        return rows_of(self.unfolded)

    @property
    def row(self) -> Row:
        """What is stood on."""
        return self.rows[self.at]

    def preset_word(self) -> str:
        """What there is to say where the preset is no longer what it was when this session took it."""
        preset, now = self.force.preset, self.presets.get(self.force.preset.name)
        if now is None and preset.purpose != UNKNOWN:
            return "It is gone from the presets; its values are kept here."
        if now is not None and now.values != preset.values:
            return "It has changed since; its values of then are in force here."
        return ""

    def changed(self) -> int:
        """How many settings differ from the preset, by the persona or by the session."""
        return len(self.force.changed())

    def preset_value(self, name: SettingName) -> Any:
        """What the preset alone would say."""
        return self.force.preset.values.get(name, SamplingSettings.model_fields[name].default)

    def baseline(self, name: SettingName) -> Any:
        """The value that was changed: what a session's own change would fall back to, or the preset's."""
        if self.force.sources[name] == "session":
            return getattr(self.force.inherited, name)
        return self.preset_value(name)


@cache
def rows_of(unfolded: frozenset[str]) -> tuple[Row, ...]:
    """The preset line, the settings of the first level, and the families with what is seen of them."""
    rows: list[Row] = [None, *SETTINGS]
    for family in FAMILIES:
        rows.append(family)
        rows += family.settings if family.name in unfolded else ()
    return tuple(rows)
