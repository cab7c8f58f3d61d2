"""The sampling settings that were given as flags."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from chatapp.cli.sampling_parser import NUMBERS, TEXTS
from chatapp.conversation.sampling import Preset, Presets, checked
from chatapp.conversation.sampling.texts import read_bias, read_chain
from chatapp.errors import Refusal

_LARGEST = 200_000
"""Bytes of a grammar or a schema."""
_FLAGS = {setting: flag for flag, setting, _, _ in TEXTS} | {"chain": "samplers"}
"""Flags that are not called as their setting is."""


def preset_of(arguments: argparse.Namespace, presets: Presets) -> Preset | None:
    """The preset that was named.

    Raises:
        Refusal: when there is none of that name.
    """
    if arguments.preset is None:
        return None
    try:
        return presets.named(arguments.preset)
    except ValueError as error:
        raise Refusal("preset", str(error)) from error


def overrides_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The settings that were given as flags, in their ranges.

    Raises:
        Refusal: when one is not as it must be; says which, and what it must be.
    """
    names = [flag.replace("-", "_") for flag, _, _ in NUMBERS] + [setting for _, setting, _, _ in TEXTS]
    given = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    for name in ("grammar", "json_schema"):
        if (path := getattr(arguments, name)) is not None:
            given[name] = _text_of(path)
    try:
        if "logit_bias" in given:
            given["logit_bias"] = tuple(_bias(one) for one in given["logit_bias"])
        if arguments.samplers is not None:
            given["chain"] = read_chain(arguments.samplers.replace(",", "\n"))
        return {name: _checked(name, value) for name, value in given.items()}
    except ValueError as error:
        raise Refusal("sampling", str(error)) from error


def _checked(name: str, value: Any) -> Any:
    try:
        return checked(name, value)
    except ValueError as error:
        raise ValueError(
            str(error).replace(f"‘{name}’", f"--{_FLAGS.get(name, name.replace('_', '-'))}")
        ) from None


def _bias(text: str) -> tuple[int | str, float]:
    token, equals, bias = text.rpartition("=")
    if equals and not token.strip().isdecimal() and not token.strip().startswith('"'):
        text = f'"{token}"={bias}'  # on a command line, quotes are the shell's
    return read_bias(text)


def _text_of(path: str) -> str:
    try:
        data = Path(path).read_bytes()
        if len(data) > _LARGEST:
            raise Refusal("sampling", f"{path} is larger than {_LARGEST:,} bytes.")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise Refusal("sampling", f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Refusal("sampling", f"{path} is not UTF-8 text.") from error
