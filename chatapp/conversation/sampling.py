"""The sampling settings: one frozen model with typed ranges, what each setting means, where a value comes from.

Every value has a source. Later layers win: preset, then persona, then session. `resolve` folds the layers into
the settings that are in force and remembers, for each one, the layer that it came from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

RANDOM_SEED = -1

SettingName = Literal[
    "temperature", "top_k", "top_p", "min_p", "repeat_penalty", "max_tokens", "seed", "repeat_last_n", "stop"
]
Source = Literal["default", "preset", "persona", "session"]


class SamplingSettings(BaseModel):
    """How the next token is drawn. The defaults are the Balanced preset; ranges are those that may be typed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    temperature: Annotated[float, Field(ge=0, le=5)] = 0.8
    """Divides the logits before the softmax: below 1 sharpens, above 1 flattens, 0 takes the likeliest."""
    top_k: Annotated[int, Field(ge=0, le=1_000_000)] = 40
    """Keep the k likeliest candidates; 0 keeps all."""
    top_p: Annotated[float, Field(ge=0, le=1)] = 0.95
    """Keep the likeliest candidates until their probabilities add up to p, the one that crosses p included."""
    min_p: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Drop candidates whose probability is below this share of the likeliest one's."""
    repeat_penalty: Annotated[float, Field(ge=0.5, le=3)] = 1.0
    """Divide positive logits (multiply negative ones) of tokens that were just said; 1 changes nothing."""
    repeat_last_n: Annotated[int, Field(ge=0, le=65_536)] = 64
    """How many of the latest tokens the repeat penalty looks at."""
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """The longest reply, in tokens; none means what is free in the context window."""
    seed: Annotated[int, Field(ge=RANDOM_SEED, le=2**63 - 1)] = RANDOM_SEED
    """The seed of the draws; -1 takes a new one for each reply and keeps it with the reply."""
    stop: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = ()
    """The reply ends before any of these strings."""


@dataclass(frozen=True)
class Setting:
    """How one setting is shown and turned: its name for people, its slider, its steps and its help."""

    name: SettingName
    label: str
    low: float
    high: float
    step: float
    big_step: float
    decimals: int
    neutral: float | None
    empty: str = ""
    """The word for no value, where there may be none."""
    explain: Callable[[float], str] = lambda _value: ""

    @property
    def slides(self) -> bool:
        """Whether the setting has a slider: the open-ended ones do not."""
        return math.isfinite(self.high)

    def format(self, value: float | None) -> str:
        """The value as people read it, with the digits that its step has."""
        if value is None or (self.name == "seed" and value == RANDOM_SEED):
            return self.empty
        # Typed values may be finer than a step: show what was typed, never a rounded lie.
        digits = max(self.decimals, len(f"{value:.6f}".rstrip("0").partition(".")[2]))
        return f"{value:,.{digits}f}" if self.name != "seed" else str(int(value))


def _temperature(value: float) -> str:
    if value == 0:
        return "0 always takes the likeliest token. 1 draws from the model's own probabilities."
    if value == 1:
        return "1 draws from the model's own probabilities. Below sharpens, above flattens."
    first, second = 0.6 ** (1 / value), 0.4 ** (1 / value)
    share = round(100 * first / (first + second))
    way = "Below 1 sharpens" if value < 1 else "Above 1 flattens"
    return f"{way}: at {value:g} a 60/40 choice becomes {share}/{100 - share}."


def _top_k(value: float) -> str:
    if value == 0:
        return "0 is off: every token of the vocabulary stays a candidate."
    return f"Only the {int(value)} likeliest tokens stay, however sure the model is. 0 turns it off."


def _top_p(value: float) -> str:
    if value >= 1:
        return "1 is off: no candidate is cut by its share of the probability."
    return f"The likeliest tokens stay until they add up to {100 * value:g} %; the one that crosses it stays too."


def _min_p(value: float) -> str:
    if value == 0:
        return "0 is off. At 0.1, if the likeliest token has 80 %, those under 8 % are cut."
    return f"If the likeliest token has 80 %, those under {80 * value:g} % are cut. 0 turns it off."


def _repeat(value: float) -> str:
    if value == 1:
        return "1 is off. At 1.1 the logit of a token just said falls from 11 to 10."
    return f"The logit of a token just said goes from 11 to {11 / value:.3g}. 1 turns it off."


def _max_tokens(value: float | None) -> str:
    if value is None:
        return "A reply may use all that is free in the context window. Type a number to end it sooner."
    return f"A reply ends after {int(value):,} tokens, finished or not; enter goes on from there."


def _seed(value: float) -> str:
    if value == RANDOM_SEED:
        return "Each reply gets a new seed, kept with the reply. Type a number to draw the same way again."
    return "The same seed, settings and prompt draw the same tokens. -1 takes a new seed each time."


SETTINGS: tuple[Setting, ...] = (
    Setting("temperature", "temperature", 0, 2, 0.05, 0.25, 2, 1.0, explain=_temperature),
    Setting("top_k", "top-k", 0, 200, 1, 10, 0, 0, explain=_top_k),
    Setting("top_p", "top-p", 0, 1, 0.01, 0.05, 2, 1.0, explain=_top_p),
    Setting("min_p", "min-p", 0, 1, 0.01, 0.05, 2, 0.0, explain=_min_p),
    Setting("repeat_penalty", "repeat", 1, 1.5, 0.01, 0.05, 2, 1.0, explain=_repeat),
    Setting("max_tokens", "max tokens", 1, math.inf, 64, 512, 0, None, "free", _max_tokens),
    Setting("seed", "seed", RANDOM_SEED, math.inf, 1, 100, 0, RANDOM_SEED, "random", _seed),
)


def typed_range(name: SettingName) -> tuple[float, float]:
    """The lowest and highest value that may be typed, from the model's own constraints."""
    schema = SamplingSettings.model_json_schema()["properties"][name]
    schema = next((s for s in schema.get("anyOf", [schema]) if s.get("type") != "null"), schema)
    return schema["minimum"], schema["maximum"]


def checked(name: str, value: object) -> Any:
    """The value as the settings accept it.

    Raises:
        ValueError: with a sentence that names the setting, and the range where there is one.
    """
    if name not in SamplingSettings.model_fields:
        raise ValueError(f"there is no setting called ‘{name}’")
    try:
        return getattr(SamplingSettings.model_validate({name: value}), name)
    except ValidationError as error:
        kind = error.errors()[0]["type"]
        if kind in {"greater_than_equal", "less_than_equal"}:
            low, high = typed_range(name)  # type: ignore[arg-type]
            raise ValueError(f"‘{name}’ must be {low:g} to {high:g}") from None
        if kind == "int_from_float":
            raise ValueError(f"‘{name}’ must be a whole number") from None
        if name == "stop":
            raise ValueError("‘stop’ must be a list of strings, none of them empty") from None
        raise ValueError(f"‘{name}’ is not a number") from None


@dataclass(frozen=True)
class Preset:
    """A named set of values, with one line that says what it is for."""

    name: str
    purpose: str
    values: Mapping[str, Any]


BALANCED = Preset("Balanced", "varied and on topic; the default", {})
_NEUTRAL = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "repeat_penalty": 1.0}

PRESETS: tuple[Preset, ...] = (
    BALANCED,
    Preset("Deterministic", "always the likeliest token", _NEUTRAL | {"temperature": 0.0}),
    Preset("Precise", "facts and instructions", {"temperature": 0.3, "top_p": 0.9}),
    Preset("Creative", "stories and ideas", {"temperature": 1.0, "top_k": 100, "min_p": 0.03}),
    Preset("Wild", "surprise before sense", _NEUTRAL | {"temperature": 1.4, "min_p": 0.02}),
    Preset("Min-P writer", "long prose, hot but held", _NEUTRAL | {"temperature": 1.25, "min_p": 0.1}),
    Preset("Code", "programs and commands", {"temperature": 0.2, "top_k": 20, "top_p": 0.9}),
    Preset("Extract", "data out of a text", {"temperature": 0.0, "top_k": 1}),
    Preset("Neutral", "nothing cut, nothing bent", _NEUTRAL),
)


def preset_named(name: str) -> Preset:
    """The built-in preset of that name, whatever its capitals.

    Raises:
        ValueError: with the names that there are.
    """
    for preset in PRESETS:
        if preset.name.casefold() == name.casefold():
            return preset
    raise ValueError(f"there is no preset called ‘{name}’; there are {', '.join(p.name for p in PRESETS)}")


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
