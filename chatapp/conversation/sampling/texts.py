"""Settings that are texts or lists: as lines that a person edits, and back."""

from __future__ import annotations

import json
import re

from chatapp.conversation.sampling.settings import DEFAULT_CHAIN

_BIAS = re.compile(r"""\s*(?P<token>\d+|"(?:[^"\\]|\\.)*")\s*=\s*(?P<bias>[+-]?\d+(?:\.\d*)?)\s*""")
_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\r": "\r", "\\\\": "\\"}
_CHAIN_NAMES = {name.replace("_", "-"): name for name in DEFAULT_CHAIN}


def show_lines(value: object) -> str:
    r"""Strings, one to a line; a line end inside of one is written \n."""
    return "\n".join(_escaped(str(text)) for text in value)  # type: ignore[attr-defined]


def read_lines(text: str) -> tuple[str, ...]:
    """The strings of the lines that are not empty."""
    return tuple(re.sub(r"\\[ntr\\]", lambda found: _ESCAPES[found[0]], line) for line in text.split("\n") if line)


def _escaped(text: str) -> str:
    for written, meant in (("\\\\", "\\"), ("\\n", "\n"), ("\\t", "\t"), ("\\r", "\r")):
        text = text.replace(meant, written)
    return text


def show_text(value: object) -> str:
    """A text as it is."""
    return str(value or "")


def read_text(text: str) -> str:
    """A text as it is, but for blank ends."""
    return text.strip()


def show_biases(value: object) -> str:
    """`1234 = 2.5` for a token's id, `"text" = -3` for a text, one to a line."""
    pairs = [(json.dumps(token, ensure_ascii=False), bias) for token, bias in value]  # type: ignore[attr-defined]
    return "\n".join(f"{token} = {bias:g}" for token, bias in pairs)


def read_biases(text: str) -> tuple[tuple[int | str, float], ...]:
    """The biases of the lines.

    Raises:
        ValueError: with the line that is no bias.
    """
    return tuple(read_bias(line) for line in text.split("\n") if line.strip())


def read_bias(line: str) -> tuple[int | str, float]:
    """One bias: an id, or a text in quotes, and a number.

    Raises:
        ValueError: when it is none.
    """
    found = _BIAS.fullmatch(line)
    try:
        if found:
            return json.loads(found["token"]), float(found["bias"])
    except json.JSONDecodeError:
        pass
    raise ValueError(f'‘{line.strip()}’ is no bias: write an id or a "text", =, and a number')


def show_chain(value: object) -> str:
    """The samplers by their names for people, one to a line."""
    names = value or DEFAULT_CHAIN
    return "\n".join(str(name).replace("_", "-") for name in names)  # type: ignore[attr-defined]


def read_chain(text: str) -> tuple[str, ...]:
    """The samplers of the lines.

    Raises:
        ValueError: with the one that is none.
    """
    names = [line.strip().casefold().replace("_", "-") for line in text.split("\n") if line.strip()]
    for name in names:
        if name not in _CHAIN_NAMES:
            raise ValueError(f"there is no sampler called ‘{name}’; there are {', '.join(_CHAIN_NAMES)}")
    return tuple(_CHAIN_NAMES[name] for name in names)
