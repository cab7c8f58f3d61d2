"""Named sets of values, and how the layers fold: preset, then persona, then session; later ones win."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass as validated

from chatapp.conversation.sampling.settings import SamplingSettings, checked

Source = Literal["default", "preset", "persona", "session"]

NAME_LENGTH = 60
PURPOSE_LENGTH = 200


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    return {name: checked(name, value) for name, value in values.items()}


PresetValues = Annotated[dict[str, Any], AfterValidator(_checked)]
"""Settings by name, each in its range."""


@validated(frozen=True)
class Preset:
    """A named set of values, with one line that says what it is for.

    It is a value: a session, a persona and a reply keep the one they were given, whatever becomes of its file.
    """

    name: Annotated[str, Field(min_length=1, max_length=NAME_LENGTH)]
    purpose: Annotated[str, Field(max_length=PURPOSE_LENGTH)]
    values: PresetValues

    def called(self, name: str) -> bool:
        """Whether this is its name, whatever the capitals."""
        return self.name.casefold() == name.casefold()


BALANCED = Preset("Balanced", "varied and on topic; the default", {})
NEUTRAL: dict[str, Any] = {
    "temperature": 1.0,
    "dynatemp_range": 0.0,
    "top_k": 0,
    "top_p": 1.0,
    "min_p": 0.0,
    "typical_p": 1.0,
    "top_n_sigma": 0.0,
    "xtc_probability": 0.0,
    "repeat_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "dry_multiplier": 0.0,
    "mirostat": 0,
    "adaptive_target": 0.0,
}
"""Values that change nothing."""
_OPEN = {name: NEUTRAL[name] for name in ("temperature", "top_k", "top_p", "min_p", "repeat_penalty")}

PRESETS: tuple[Preset, ...] = (
    BALANCED,
    Preset("Deterministic", "always the likeliest token", _OPEN | {"temperature": 0.0}),
    Preset("Precise", "facts and instructions", {"temperature": 0.3, "top_p": 0.9}),
    Preset("Creative", "stories and ideas", {"temperature": 1.0, "top_k": 100, "min_p": 0.03}),
    Preset("Wild", "surprise before sense", _OPEN | {"temperature": 1.4, "min_p": 0.02}),
    Preset("Min-P writer", "long prose, hot but held", _OPEN | {"temperature": 1.25, "min_p": 0.1}),
    Preset(
        "N-sigma", "hot, with the noise cut away by its spread", _OPEN | {"temperature": 1.3, "top_n_sigma": 1.0}
    ),
    Preset("Code", "programs and commands", {"temperature": 0.2, "top_k": 20, "top_p": 0.9}),
    Preset("Extract", "data out of a text", {"temperature": 0.0, "top_k": 1}),
    Preset(
        "Brainstorm",
        "the obvious left out half the time",
        _OPEN | {"min_p": 0.02, "xtc_probability": 0.5, "xtc_threshold": 0.1, "dry_multiplier": 0.8},
    ),
    Preset("Neutral", "nothing cut, nothing bent", NEUTRAL),
)


UNKNOWN = "not known here; Balanced is in force"
"""The purpose of a preset of which only the name came down to us."""


@dataclass(frozen=True)
class Presets:
    """The presets there are: those that ship, and the user's own, which win by name."""

    own: tuple[Preset, ...] = ()

    def __iter__(self) -> Iterator[Preset]:
        """The shipped ones in their order, then the user's."""
        yield from (preset for preset in PRESETS if not self.is_own(preset.name))
        yield from self.own

    def is_own(self, name: str) -> bool:
        """Whether that name is one of the user's own."""
        return any(preset.called(name) for preset in self.own)

    def get(self, name: str) -> Preset | None:
        """The preset of that name, whatever its capitals."""
        return next((preset for preset in self if preset.called(name)), None)

    def named(self, name: str) -> Preset:
        """The preset of that name.

        Raises:
            ValueError: with the names that there are.
        """
        if preset := self.get(name):
            return preset
        raise ValueError(f"there is no preset called ‘{name}’; there are {', '.join(one.name for one in self)}")


SHIPPED = Presets()


def by_name_alone(name: str) -> Preset:
    """The preset that an old record names without its values: a shipped one, or Balanced under that name."""
    return SHIPPED.get(name) or Preset(name[:NAME_LENGTH], UNKNOWN, {})


@dataclass(frozen=True)
class InForce:
    """The settings in force, the source of each, and what each would be without the session's own changes."""

    settings: SamplingSettings
    sources: Mapping[str, Source]
    inherited: SamplingSettings
    preset: Preset

    def changed(self) -> list[str]:
        """The settings that differ from the preset, by the persona or by the session."""
        return [name for name, source in self.sources.items() if source in {"persona", "session"}]


def resolve(
    preset: Preset, persona: Mapping[str, Any] | None = None, session: Mapping[str, Any] | None = None
) -> InForce:
    """Fold the layers, later ones first in rank, into the settings in force."""
    sources: dict[str, Source] = dict.fromkeys(SamplingSettings.model_fields, "default")
    sources.update(dict.fromkeys(preset.values, "preset"))
    values = dict(preset.values)
    for source, layer in (("persona", persona or {}), ("session", session or {})):
        if source == "session":
            inherited = SamplingSettings.model_validate(values)
        sources.update(dict.fromkeys(layer, source))  # type: ignore[arg-type]
        values.update(layer)
    return InForce(SamplingSettings.model_validate(values), sources, inherited, preset)
