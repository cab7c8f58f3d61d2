"""What the sampling column wishes for. It changes nothing: its owner does, and shows what is in force then."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from chatapp.conversation.sampling import SHIPPED, InForce, Presets, Setting, SettingName, checked
from chatapp.tui.widgets.sampling.column import SamplingColumn


class WishingColumn(SamplingColumn):
    """Posts what is wished, and steps on from it before the owner has shown it."""

    @dataclass
    class Changed(Message, namespace="sampling_panel"):
        """A value is wished for a setting; it lies within the range."""

        name: SettingName
        value: object

        def can_replace(self, message: Message) -> bool:
            """A slider that moves fast leaves only its last value in the queue."""
            return isinstance(message, WishingColumn.Changed) and message.name == self.name

    @dataclass
    class Edit(Message, namespace="sampling_panel"):
        """A setting that is a text is to be edited."""

        name: SettingName

    @dataclass
    class Reset(Message, namespace="sampling_panel"):
        """The session's own value of a setting is to go, so that the inherited one shows again."""

        name: SettingName

    @dataclass
    class PresetChosen(Message, namespace="sampling_panel"):
        """Another preset is wished."""

        name: str

    @dataclass
    class SaveAs(Message, namespace="sampling_panel"):
        """The values in force are to be kept as a preset of that name, over one of the same name."""

        name: str

    @dataclass
    class Renamed(Message, namespace="sampling_panel"):
        """The preset in force is to have another name."""

        name: str

    class NeutraliseAll(Message, namespace="sampling_panel"):
        """Every setting is to take the value that changes nothing."""

    class Leave(Message, namespace="sampling_panel"):
        """The person is done here."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._wanted: float | None = None
        self._waits = False

    def show(
        self,
        in_force: InForce,
        *,
        context: tuple[int, int] | None = None,
        used_seed: int | None = None,
        presets: Presets = SHIPPED,
    ) -> None:
        """Show what is in force now; a wish that it fulfils waits no longer."""
        super().show(in_force, context=context, used_seed=used_seed, presets=presets)
        if self._waits and self._setting and getattr(in_force.settings, self._setting.name) == self._wanted:
            self._waits = False

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

    def _stand_on(self, row: int) -> None:
        self._waits = False
        super()._stand_on(row)
