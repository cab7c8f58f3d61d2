"""Named sets of values, and how the layers fold: preset, then persona, then session; later ones win."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chatapp.conversation.sampling.settings import SamplingSettings

Source = Literal["default", "preset", "persona", "session"]


@dataclass(frozen=True)
class Preset:
    """A named set of values, with one line that says what it is for."""

    name: str
    purpose: str
    values: Mapping[str, Any]
    own: bool = False
    """Whether it is a file in the user's folder."""


BALANCED = Preset("Balanced", "varied and on topic; the default", {})
NEUTRAL: Mapping[str, Any] = {
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


def preset_named(name: str, own: Iterable[Preset] = ()) -> Preset:
    """The preset of that name, whatever its capitals: one of the user's own, or a built-in one.

    Raises:
        ValueError: with the names that there are.
    """
    presets = (*own, *PRESETS)
    for preset in presets:
        if preset.name.casefold() == name.casefold():
            return preset
    raise ValueError(f"there is no preset called ‘{name}’; there are {', '.join(p.name for p in presets)}")


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
