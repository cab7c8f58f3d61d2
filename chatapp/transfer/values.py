"""Picks values of a wanted kind out of foreign JSON: a wrong kind is the same as nothing."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_LATEST_MS = 4_102_444_800_000
"""The year 2100: a later date is a mistake."""
_MILLISECONDS_FROM = 100_000_000_000
_HUMANISED = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2}) ?@ ?(\d{1,2})h ?(\d{1,2})m ?(\d{1,2})s")
_NUMBER_DIGITS = 300


def loads(text: str) -> Any:
    """Foreign JSON. What has no place in JSON, NaN and the like, and numbers of absurd length become nothing.

    Raises:
        ValueError: when it is no JSON, or nested too deeply, with a reason that ends a sentence.
    """
    try:
        return json.loads(text, parse_constant=lambda _: None, parse_int=_whole)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON: line {error.lineno}, character {error.colno}") from None


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) < _NUMBER_DIGITS else None


def string(value: object) -> str:
    """The text, or an empty one."""
    return value if isinstance(value, str) else ""


def items(value: object) -> list[Any]:
    """The list, or an empty one."""
    return value if isinstance(value, list) else []


def table(value: object) -> Mapping[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def moment(value: object) -> int:
    """A date in milliseconds, from seconds, milliseconds, ISO 8601 or SillyTavern's own words; 0 for none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _moment_in_numbers(value)
    if not isinstance(value, str) or len(value) > 64:
        return 0
    if value.strip().isdecimal():
        return _moment_in_numbers(int(value))
    try:
        found = _moment_in_words(value.strip())
        return max(0, min(_LATEST_MS, round(found.timestamp() * 1000))) if found else 0
    except (ValueError, OverflowError, OSError):
        return 0


def _moment_in_numbers(value: float) -> int:
    if not 0 < value < math.inf:
        return 0
    milliseconds = round(value if value >= _MILLISECONDS_FROM else value * 1000)
    return milliseconds if milliseconds <= _LATEST_MS else 0


def _moment_in_words(text: str) -> datetime | None:
    if found := _HUMANISED.match(text):
        return datetime.strptime(" ".join(found.groups()), "%Y %m %d %H %M %S").astimezone()
    for form in ("%B %d, %Y %I:%M%p", "%B %d, %Y %I:%M %p"):
        try:
            return datetime.strptime(text, form).astimezone()
        except ValueError:
            continue
    return datetime.fromisoformat(text)


def iso(milliseconds: int) -> str:
    """A date as ISO 8601, in UTC; empty for none."""
    if not milliseconds:
        return ""
    return (
        datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
