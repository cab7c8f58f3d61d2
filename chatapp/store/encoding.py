"""How values are written in the tables, and read back."""

from __future__ import annotations

import json
import re
import secrets
import sys
import time
from array import array
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from chatapp.conversation.message import Provenance
from chatapp.conversation.sampling import Preset, by_name_alone, checked
from chatapp.text import REPLACEMENT

_UID_LETTERS = "23456789abcdefghjkmnpqrstvwxyz"  # none that look alike
_UID_LENGTH = 12
_NONE = Provenance()
_PRESET = TypeAdapter(Preset)
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def new_uid() -> str:
    """A short random name, good on a command line."""
    return "".join(secrets.choice(_UID_LETTERS) for _ in range(_UID_LENGTH))


def now_ms() -> int:
    """The clock, for labels only."""
    return time.time_ns() // 1_000_000


def storable(text: str) -> str:
    """What a model said, with only that replaced which cannot be stored: its line ends stay as they are."""
    return _UNSTORABLE.sub(REPLACEMENT, text)


def pack_ids(token_ids: Iterable[int]) -> bytes:
    """Token ids as little-endian 32-bit numbers."""
    return _little_endian(array("I", token_ids)).tobytes()


def unpack_ids(blob: bytes) -> list[int]:
    """The token ids that were packed."""
    ids = array("I")
    ids.frombytes(blob)
    return _little_endian(ids).tolist()


def _little_endian(ids: array[int]) -> array[int]:
    if sys.byteorder == "big":
        ids.byteswap()
    return ids


def provenance_json(provenance: Provenance) -> str:
    """A provenance in a form that can always be stored, whatever bytes its paths and sentences hold."""
    text = json.dumps(provenance.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False)
    if "Infinity" in text or "NaN" in text:  # a rate over no time at all; JSON has no word for it
        text = json.dumps(json.loads(text, parse_constant=lambda _word: 0.0), ensure_ascii=False)
    return storable(text)


def provenance_from(body: str) -> Provenance:
    """The provenance that was stored."""
    if body == "{}":  # half of all messages
        return _NONE
    try:
        return Provenance.model_validate_json(body)
    except ValidationError:
        # Another version's settings. The message matters more than how it was made; the row keeps both.
        return Provenance()


def preset_columns(preset: Preset | None) -> tuple[str | None, str | None]:
    """A preset's name, and the whole of it as JSON."""
    if preset is None:
        return None, None
    return storable(preset.name), storable(_PRESET.dump_json(preset).decode())


def preset_from(name: str | None, body: str | None) -> Preset | None:
    """The preset that was stored; from before its values were kept, what its name says.

    Raises:
        ValueError: when its values are not understood here.
    """
    if body is not None:
        return _PRESET.validate_json(body)
    return by_name_alone(name) if name else None


def overrides_json(overrides: Mapping[str, Any]) -> str:
    """Sampling overrides as JSON.

    Raises:
        ValueError: when a value is out of range: what is stored must be readable.
    """
    return storable(json.dumps({name: checked(name, value) for name, value in overrides.items()}))


def overrides_from(body: str) -> dict[str, Any]:
    """The overrides that were stored, each as its setting accepts it."""
    return {name: checked(name, value) for name, value in json.loads(body).items()}
