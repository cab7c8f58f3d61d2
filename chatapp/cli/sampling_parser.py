"""The sampling flags that `ask` and `next` share. Imports nothing of ours: --help answers at once."""

from __future__ import annotations

import argparse

NUMBERS: tuple[tuple[str, type, str], ...] = (
    ("temperature", float, "0 takes the likeliest token, 1 the model's own odds"),
    ("dynatemp-range", float, "let the temperature move by this with the doubt; 0 is off"),
    ("dynatemp-exponent", float, "how the doubt is bent; 1 is straight"),
    ("top-k", int, "keep the k likeliest; 0 is off"),
    ("top-p", float, "keep the likeliest up to this share; 1 is off"),
    ("min-p", float, "cut below this share of the likeliest; 0 is off"),
    ("typical-p", float, "keep those of the usual surprise, up to this share; 1 is off"),
    ("top-n-sigma", float, "keep logits within so many standard deviations; 0 is off"),
    ("xtc-probability", float, "how often the obvious choices are left out; 0 is off"),
    ("xtc-threshold", float, "what an obvious choice is, as a probability"),
    ("repeat-penalty", float, "1 is off"),
    ("presence-penalty", float, "0 is off"),
    ("frequency-penalty", float, "0 is off"),
    ("repeat-last-n", int, "how far back these three look"),
    ("dry-multiplier", float, "against repeated sequences; 0 is off"),
    ("dry-base", float, "growth of DRY's penalty by token"),
    ("dry-allowed-length", int, "sequences that may be repeated"),
    ("dry-last-n", int, "how far back DRY looks; -1 is the whole context"),
    ("mirostat", int, "1 or 2; 0 is off"),
    ("mirostat-tau", float, "target surprise in bits"),
    ("mirostat-eta", float, "how fast it corrects itself"),
    ("adaptive-target", float, "prefer tokens of this probability; 0 is off"),
    ("adaptive-decay", float, "how long it remembers"),
    ("max-tokens", int, "longest reply"),
    ("seed", int, "-1 takes a new one"),
)
TEXTS: tuple[tuple[str, str, str, str], ...] = (
    ("stop", "stop", "TEXT", "end the reply before TEXT"),
    ("banned-word", "banned_words", "TEXT", "never say TEXT"),
    ("dry-breaker", "dry_breakers", "TEXT", "DRY forgets what came before TEXT"),
    ("logit-bias", "logit_bias", "TOKEN=X", 'add X to the logit of a token, by id or by "text"'),
)
"""Flags that may be repeated: name, setting, what is given, help."""


def add_sampling_flags(parser: argparse.ArgumentParser) -> None:
    """Every sampling setting as a flag."""
    parser.add_argument("--preset", metavar="NAME", help="sampling preset, built-in or of your own")
    group = parser.add_argument_group("sampling")
    for name, kind, does in NUMBERS:
        group.add_argument(f"--{name}", type=kind, metavar="X", help=does)
    for name, setting, what, does in TEXTS:
        group.add_argument(f"--{name}", dest=setting, action="append", metavar=what, help=f"{does}; repeatable")
    group.add_argument("--samplers", metavar="A,B,…", help="the order of the chain")
    group.add_argument("--grammar", metavar="FILE", help="the reply follows this grammar (GBNF)")
    group.add_argument("--json-schema", metavar="FILE", help="the reply is JSON by this schema")
