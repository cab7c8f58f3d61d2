"""The settings themselves: one frozen model with typed ranges, and which of them do anything at present."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from chatapp.conversation.gbnf import GrammarError, check_grammar
from chatapp.conversation.json_schema import grammar_of_schema

RANDOM_SEED = -1
WHOLE_CONTEXT = -1

SettingName = Literal[
    "temperature",
    "dynatemp_range",
    "dynatemp_exponent",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "top_n_sigma",
    "xtc_probability",
    "xtc_threshold",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
    "repeat_last_n",
    "dry_multiplier",
    "dry_base",
    "dry_allowed_length",
    "dry_last_n",
    "dry_breakers",
    "mirostat",
    "mirostat_tau",
    "mirostat_eta",
    "adaptive_target",
    "adaptive_decay",
    "logit_bias",
    "banned_words",
    "grammar",
    "json_schema",
    "stop",
    "max_tokens",
    "seed",
    "chain",
]

SamplerName = Literal[
    "penalties", "dry", "top_n_sigma", "top_k", "typical_p", "top_p", "min_p", "xtc", "temperature"
]
"""A sampler whose place in the chain may be chosen."""
DEFAULT_CHAIN: tuple[SamplerName, ...] = get_args(SamplerName)
"""llama.cpp's own order."""

LogitBias = tuple[Annotated[int, Field(ge=0)] | Annotated[str, Field(min_length=1, max_length=100)], float]
"""A token by its id, or every token of a text, and what is added to its logit."""

_Text = Annotated[str, Field(min_length=1, max_length=200)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Penalty = Annotated[float, Field(ge=-2, le=2)]


class SamplingSettings(BaseModel):
    """How the next token is drawn. The defaults are the Balanced preset; ranges are those that may be typed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    temperature: Annotated[float, Field(ge=0, le=5)] = 0.8
    """Divides the logits before the softmax: below 1 sharpens, above 1 flattens, 0 takes the likeliest."""
    dynatemp_range: Annotated[float, Field(ge=0, le=5)] = 0.0
    """The temperature moves by up to this much, up where the model is unsure, down where it is sure."""
    dynatemp_exponent: Annotated[float, Field(ge=0.01, le=10)] = 1.0
    """How the doubt (entropy over its maximum, 0 to 1) is bent before it moves the temperature."""
    top_k: Annotated[int, Field(ge=0, le=1_000_000)] = 40
    """Keep the k likeliest candidates; 0 keeps all."""
    top_p: _Share = 0.95
    """Keep the likeliest candidates until their probabilities add up to p, the one that crosses p included."""
    min_p: _Share = 0.05
    """Drop candidates whose probability is below this share of the likeliest one's."""
    typical_p: _Share = 1.0
    """Keep the candidates whose surprise is nearest to the expected one, until they add up to p (Meister 2022)."""
    top_n_sigma: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Keep candidates whose logit is within n standard deviations of the best one (Tang 2024); 0 keeps all."""
    xtc_probability: _Share = 0.0
    """How often XTC acts: it then drops all candidates at or above the threshold but the least likely of them."""
    xtc_threshold: _Share = 0.1
    """The probability from which XTC counts a candidate as an obvious choice; above 0.5 it never acts."""
    repeat_penalty: Annotated[float, Field(ge=0.5, le=3)] = 1.0
    """Divide positive logits (multiply negative ones) of tokens that were just said; 1 changes nothing."""
    presence_penalty: _Penalty = 0.0
    """Subtracted from the logit of every token that was just said."""
    frequency_penalty: _Penalty = 0.0
    """Subtracted from the logit of a token for each time that it was just said."""
    repeat_last_n: Annotated[int, Field(ge=0, le=65_536)] = 64
    """How many of the latest tokens these three penalties look at."""
    dry_multiplier: Annotated[float, Field(ge=0, le=5)] = 0.0
    """DRY subtracts multiplier × base^(length − allowed) from what would extend a repeated sequence; 0 is off."""
    dry_base: Annotated[float, Field(ge=1, le=4)] = 1.75
    """How fast DRY's penalty grows with the length of the sequence."""
    dry_allowed_length: Annotated[int, Field(ge=1, le=1000)] = 2
    """Sequences up to this length may be repeated freely."""
    dry_last_n: Annotated[int, Field(ge=WHOLE_CONTEXT, le=65_536)] = WHOLE_CONTEXT
    """How many of the latest tokens DRY looks at; -1 means the whole context window."""
    dry_breakers: Annotated[tuple[_Text, ...], Field(max_length=50)] = ("\n", ":", '"', "*")
    """Strings at which DRY ends a sequence."""
    mirostat: Annotated[int, Field(ge=0, le=2)] = 0
    """Steers the surprise of the text to a target (Basu 2020), by version 1 or 2, in place of the cut-offs."""
    mirostat_tau: Annotated[float, Field(ge=0.1, le=20)] = 5.0
    """Mirostat's target: the surprise of a token in bits."""
    mirostat_eta: Annotated[float, Field(ge=0.001, le=1)] = 0.1
    """How fast Mirostat corrects itself."""
    adaptive_target: _Share = 0.0
    """Adaptive-p prefers candidates whose probability is near this target; 0 is off."""
    adaptive_decay: Annotated[float, Field(ge=0, le=0.99)] = 0.9
    """How long adaptive-p remembers what it chose: about 1 / (1 − decay) tokens."""
    logit_bias: Annotated[tuple[LogitBias, ...], Field(max_length=500)] = ()
    """Added to the logits of single tokens, before all else: from -100 to 100."""
    banned_words: Annotated[tuple[_Text, ...], Field(max_length=200)] = ()
    """Texts that the reply never contains, in whatever capitals."""
    grammar: Annotated[str, Field(max_length=200_000)] = ""
    """The reply is a sentence of this grammar (GBNF, rule `root`)."""
    json_schema: Annotated[str, Field(max_length=200_000)] = ""
    """The reply is a JSON document by this JSON Schema."""
    stop: tuple[_Text, ...] = ()
    """The reply ends before any of these strings."""
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """The longest reply, in tokens; none means what is free in the context window."""
    seed: Annotated[int, Field(ge=RANDOM_SEED, le=2**63 - 1)] = RANDOM_SEED
    """The seed of the draws; -1 takes a new one for each reply and keeps it with the reply."""
    chain: tuple[SamplerName, ...] = DEFAULT_CHAIN
    """The order of the samplers. Those that are left out follow in the default order: none is lost."""

    @field_validator("logit_bias")
    @classmethod
    def _bounded(cls, biases: tuple[LogitBias, ...]) -> tuple[LogitBias, ...]:
        if any(abs(bias) > 100 for _, bias in biases):
            raise ValueError("a bias must be -100 to 100")
        return biases

    @field_validator("chain")
    @classmethod
    def _whole(cls, chain: tuple[SamplerName, ...]) -> tuple[SamplerName, ...]:
        if len(set(chain)) < len(chain):
            raise ValueError("a sampler is there twice")
        return chain + tuple(name for name in DEFAULT_CHAIN if name not in chain)


def active(settings: SamplingSettings) -> tuple[str, ...]:
    """The samplers that act with these settings, in the order of the chain.

    Grammar and banned words are no samplers of the chain: they decide what may be drawn at all. With temperature 0
    cut-offs still act where they can take the likeliest candidate away (typical-p, XTC).
    """
    on = {
        "penalties": settings.repeat_last_n > 0
        and (settings.repeat_penalty, settings.presence_penalty, settings.frequency_penalty) != (1, 0, 0),
        "dry": settings.dry_multiplier > 0 and settings.dry_last_n != 0,
        "top_n_sigma": settings.top_n_sigma > 0,
        "top_k": settings.top_k > 0,
        "typical_p": settings.typical_p < 1,
        "top_p": settings.top_p < 1,
        "min_p": settings.min_p > 0,
        "xtc": settings.xtc_probability > 0 and settings.xtc_threshold <= 0.5,
        "temperature": settings.temperature != 1 or settings.dynatemp_range > 0,
    }
    chain: list[str] = [name for name in settings.chain if on[name]]
    greedy = settings.temperature == 0
    if settings.mirostat and not greedy:
        chain = [name for name in chain if name not in _CUT_OFFS]
        chain.append("mirostat")
    elif settings.adaptive_target > 0 and not greedy:
        chain.append("adaptive_p")
    if settings.logit_bias or settings.banned_words:
        chain.insert(0, "bias")
    return tuple(chain)


_CUT_OFFS = frozenset({"top_n_sigma", "top_k", "typical_p", "top_p", "min_p", "xtc"})
_SETTINGS_OF: Mapping[str, tuple[SettingName, ...]] = {
    "cut-offs": (
        "top_k",
        "top_p",
        "min_p",
        "typical_p",
        "top_n_sigma",
        "xtc_probability",
        "xtc_threshold",
    ),
    "mirostat": ("mirostat", "mirostat_tau", "mirostat_eta"),
    "adaptive": ("adaptive_target", "adaptive_decay"),
    "dynatemp": ("dynatemp_range", "dynatemp_exponent"),
}


def overridden(settings: SamplingSettings) -> dict[SettingName, str]:
    """The settings that cannot act because of another one, each with the name of that one for people."""
    by: dict[SettingName, str] = {}
    if settings.temperature == 0:
        greedy = (*_SETTINGS_OF["mirostat"], *_SETTINGS_OF["adaptive"], *_SETTINGS_OF["dynatemp"])
        by |= dict.fromkeys(greedy, "temperature 0")
        if not {"typical_p", "xtc"} & set(active(settings)):  # what else is cut, the likeliest stays
            by |= dict.fromkeys(("top_k", "top_p", "min_p", "top_n_sigma", "seed"), "temperature 0")
    elif settings.mirostat:
        by |= dict.fromkeys((*_SETTINGS_OF["cut-offs"], *_SETTINGS_OF["adaptive"]), "mirostat")
    if not settings.mirostat:
        by |= dict.fromkeys(("mirostat_tau", "mirostat_eta"), "mirostat 0")
    if not settings.adaptive_target:
        by.setdefault("adaptive_decay", "adaptive-p 0")
    if not settings.dynatemp_range:
        by.setdefault("dynatemp_exponent", "range 0")
    if not settings.xtc_probability:
        by.setdefault("xtc_threshold", "XTC 0")
    if not settings.dry_multiplier:
        by |= dict.fromkeys(("dry_base", "dry_allowed_length", "dry_last_n", "dry_breakers"), "DRY 0")
    if (settings.repeat_penalty, settings.presence_penalty, settings.frequency_penalty) == (1, 0, 0):
        by["repeat_last_n"] = "no penalty"
    if settings.json_schema:
        by["grammar"] = "JSON schema"
    return by


@functools.cache
def typed_range(name: str) -> tuple[float, float]:
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
        accepted = getattr(SamplingSettings.model_validate({name: value}), name)
    except ValidationError as error:
        raise ValueError(_sentence(name, error)) from None
    if name in {"grammar", "json_schema"} and accepted:
        try:
            check_grammar(accepted) if name == "grammar" else grammar_of_schema(accepted)
        except GrammarError as error:
            raise ValueError(f"‘{name}’: {error}") from None
    return accepted


_LISTS = {
    "stop": "a list of strings, none of them empty",
    "banned_words": "a list of strings, none of them empty",
    "dry_breakers": "a list of strings, none of them empty",
    "logit_bias": "a list of pairs: a token id or a text, and a number from -100 to 100",
    "chain": f"a list of {', '.join(DEFAULT_CHAIN)}, each at most once",
    "grammar": "text of at most 200,000 characters",
    "json_schema": "text of at most 200,000 characters",
}


def _sentence(name: str, error: ValidationError) -> str:
    if name in _LISTS:
        return f"‘{name}’ must be {_LISTS[name]}"
    kind = error.errors()[0]["type"]
    if kind in {"greater_than_equal", "less_than_equal"}:
        low, high = typed_range(name)
        return f"‘{name}’ must be {low:,.12g} to {high:,.12g}"
    if kind == "int_from_float":
        return f"‘{name}’ must be a whole number"
    return f"‘{name}’ is not a number"
