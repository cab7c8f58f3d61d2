"""What several replies to one prompt differ in: their seed, their temperature or their preset."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chatapp.conversation.sampling import SHIPPED, Preset, Presets, SamplingSettings

MOST, FEWEST = 8, 2
COOLEST, HOTTEST = 0.2, 1.4
_PRESETS = ("Precise", "Balanced", "Creative", "Wild", "Min-P writer", "N-sigma", "Brainstorm", "Deterministic")
_OF_THE_TASK = ("stop", "max_tokens", "grammar", "json_schema", "logit_bias", "banned_words", "seed")
"""Settings that say what is wanted, not how it is drawn: a preset leaves them alone."""


class Differ(StrEnum):
    """What differs."""

    SEED = "seed"
    TEMPERATURE = "temperature"
    PRESET = "preset"


@dataclass(frozen=True)
class Variation:
    """One reply of several: what it is drawn with, and by what it differs, in a few words."""

    title: str
    settings: SamplingSettings
    seed: int
    preset: Preset | None = None
    """The preset that it is drawn with, where that differs."""


def variations(
    differ: Differ, count: int, settings: SamplingSettings, seed: int, presets: Presets = SHIPPED
) -> list[Variation]:
    """So many ways to reply. Where something else differs, the seed is the same: nothing else does then.

    Args:
        differ: What differs.
        count: How many, FEWEST to MOST.
        settings: Those in force.
        seed: The first one's.
        presets: Those that there are; the user's own come first.
    """
    match differ:
        case Differ.SEED:
            return [Variation(f"seed {seed + place}", settings, seed + place) for place in range(count)]
        case Differ.TEMPERATURE:
            return [_heated(settings, degree, seed) for degree in degrees(count)]
        case Differ.PRESET:
            shipped = (presets.named(name) for name in _PRESETS if not presets.is_own(name))
            return [_preset(settings, preset, seed) for preset in [*presets.own, *shipped][:count]]


def degrees(count: int) -> list[float]:
    """Temperatures from the coolest to the hottest, evenly spaced."""
    step = (HOTTEST - COOLEST) / (count - 1)
    return [round(COOLEST + step * place, 2) for place in range(count)]


def _heated(settings: SamplingSettings, degree: float, seed: int) -> Variation:
    return Variation(f"temp {degree}", settings.model_copy(update={"temperature": degree}), seed)


def _preset(settings: SamplingSettings, preset: Preset, seed: int) -> Variation:
    kept = {field: getattr(settings, field) for field in _OF_THE_TASK}
    values = {**kept, **preset.values}
    return Variation(preset.name, SamplingSettings.model_validate(values), seed, preset)
