"""How each setting is shown and turned: its name for people, its family, its slider, its steps and its help."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from chatapp.conversation.sampling import explanations as explain
from chatapp.conversation.sampling.settings import DEFAULT_CHAIN, RANDOM_SEED, SettingName
from chatapp.conversation.sampling.texts import (
    read_biases,
    read_chain,
    read_lines,
    read_text,
    show_biases,
    show_chain,
    show_lines,
    show_text,
)
from chatapp.text import counted


@dataclass(frozen=True)
class Setting:
    """A number: what it is called, and how it is turned."""

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
        if value is None or (self.empty and value == self.neutral):
            return self.empty
        # Typed values may be finer than a step: show what was typed, never a rounded lie.
        digits = max(self.decimals, len(f"{value:.6f}".rstrip("0").partition(".")[2]))
        return f"{value:,.{digits}f}" if self.name != "seed" else str(int(value))


@dataclass(frozen=True)
class TextSetting:
    """A text, or a list of texts, that is edited and not turned.

    `show` gives the value as lines that a person edits, `read` takes them back (ValueError: with a sentence).
    """

    name: SettingName
    label: str
    help: str
    show: Callable[[object], str]
    read: Callable[[str], object]
    none: str = "none"
    """The word for the neutral value."""
    neutral: object = ()

    def format(self, value: object) -> str:
        """The value in a word or two."""
        if value == self.neutral:
            return self.none
        if isinstance(value, str):
            lines = value.count("\n") + 1
            return counted(lines, "line")
        return "changed" if self.name == "chain" else str(len(value))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Family:
    """Settings that belong together, folded under one name."""

    name: str
    settings: tuple[Setting | TextSetting, ...]
    off: str = "off"
    """The word for a family that does nothing."""


SETTINGS: tuple[Setting, ...] = (
    Setting("temperature", "temperature", 0, 2, 0.05, 0.25, 2, 1.0, explain=explain.temperature),
    Setting("top_k", "top-k", 0, 200, 1, 10, 0, 0, explain=explain.top_k),
    Setting("top_p", "top-p", 0, 1, 0.01, 0.05, 2, 1.0, explain=explain.top_p),
    Setting("min_p", "min-p", 0, 1, 0.01, 0.05, 2, 0.0, explain=explain.min_p),
    Setting("repeat_penalty", "repeat", 1, 1.5, 0.01, 0.05, 2, 1.0, explain=explain.repeat),
    Setting("max_tokens", "max tokens", 1, math.inf, 64, 512, 0, None, "free", explain.max_tokens),
    Setting("seed", "seed", RANDOM_SEED, math.inf, 1, 100, 0, RANDOM_SEED, "random", explain.seed),
)
"""Those of the first level, that are always seen."""

FAMILIES: tuple[Family, ...] = (
    Family(
        "cut-offs",
        (
            Setting("typical_p", "typical-p", 0, 1, 0.01, 0.05, 2, 1.0, explain=explain.typical_p),
            Setting("top_n_sigma", "n-sigma", 0, 5, 0.1, 0.5, 1, 0.0, explain=explain.top_n_sigma),
            Setting("xtc_probability", "XTC chance", 0, 1, 0.05, 0.25, 2, 0.0, explain=explain.xtc_probability),
            Setting("xtc_threshold", "XTC above", 0, 0.5, 0.01, 0.05, 2, 0.1, explain=explain.xtc_threshold),
            Setting("adaptive_target", "adaptive-p", 0, 1, 0.01, 0.05, 2, 0.0, explain=explain.adaptive_target),
            Setting("adaptive_decay", "its memory", 0, 0.99, 0.01, 0.05, 2, 0.9, explain=explain.adaptive_decay),
        ),
    ),
    Family(
        "repetition",
        (
            Setting("repeat_last_n", "window", 0, 2048, 16, 128, 0, 0, explain=explain.window),
            Setting("presence_penalty", "presence", 0, 2, 0.05, 0.25, 2, 0.0, explain=explain.presence),
            Setting("frequency_penalty", "frequency", 0, 2, 0.05, 0.25, 2, 0.0, explain=explain.frequency),
            Setting("dry_multiplier", "DRY", 0, 5, 0.05, 0.25, 2, 0.0, explain=explain.dry_multiplier),
            Setting("dry_base", "DRY base", 1, 4, 0.05, 0.25, 2, 1.75, explain=explain.dry_base),
            Setting("dry_allowed_length", "DRY allows", 1, 20, 1, 5, 0, 2, explain=explain.dry_allowed),
            Setting("dry_last_n", "DRY window", -1, 8192, 64, 512, 0, -1, "context", explain.dry_window),
            TextSetting(
                "dry_breakers",
                "DRY breakers",
                r"DRY forgets what came before one of these. One to a line; \n is a line end, \t a tab.",
                show_lines,
                read_lines,
            ),
        ),
    ),
    Family(
        "temperature shape",
        (
            Setting("dynatemp_range", "range", 0, 2, 0.05, 0.25, 2, 0.0, explain=explain.dynatemp_range),
            Setting("dynatemp_exponent", "exponent", 0.1, 5, 0.1, 0.5, 1, 1.0, explain=explain.dynatemp_exponent),
        ),
    ),
    Family(
        "mirostat",
        (
            Setting("mirostat", "version", 0, 2, 1, 1, 0, 0, explain=explain.mirostat),
            Setting("mirostat_tau", "target τ", 0.1, 10, 0.1, 1, 1, 5.0, explain=explain.mirostat_tau),
            Setting("mirostat_eta", "rate η", 0.01, 1, 0.01, 0.1, 2, 0.1, explain=explain.mirostat_eta),
        ),
    ),
    Family(
        "constraints",
        (
            TextSetting(
                "stop",
                "stop strings",
                r"The reply ends before any of these. One to a line; \n is a line end, \t a tab.",
                show_lines,
                read_lines,
            ),
            TextSetting(
                "grammar",
                "grammar",
                "The reply is a sentence of this grammar, in GBNF, from the rule ‘root’ on.",
                show_text,
                read_text,
                neutral="",
            ),
            TextSetting(
                "json_schema",
                "JSON schema",
                "The reply is JSON by this schema: {} is any object.",
                show_text,
                read_text,
                neutral="",
            ),
            TextSetting(
                "logit_bias",
                "logit bias",
                "One to a line: a token's id or a text in quotes, =, and what is added to its logit, -100 to 100.",
                show_biases,
                read_biases,
            ),
            TextSetting(
                "banned_words",
                "banned words",
                "The reply never contains these, in whatever capitals, inside of words too. One to a line.",
                show_lines,
                read_lines,
            ),
        ),
        off="none",
    ),
    Family(
        "order of the chain",
        (
            TextSetting(
                "chain",
                "order",
                "The samplers from first to last, one to a line. Those left out follow in the usual order.",
                show_chain,
                read_chain,
                none="default",
                neutral=DEFAULT_CHAIN,
            ),
        ),
        off="default",
    ),
)

ALL_SETTINGS: tuple[Setting | TextSetting, ...] = (
    *SETTINGS,
    *(setting for family in FAMILIES for setting in family.settings),
)


def control_named(name: str) -> Setting | TextSetting:
    """How the setting of that name is turned.

    Raises:
        KeyError: when there is none.
    """
    return _BY_NAME[name]


_BY_NAME: dict[str, Setting | TextSetting] = {setting.name: setting for setting in ALL_SETTINGS}
