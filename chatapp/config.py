"""The user's settings file."""

from __future__ import annotations

import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from chatapp.conversation.context import Policy

LEAST_CONTEXT, MOST_CONTEXT = 64, 2**24
"""The context window that a model can be loaded with, in tokens."""


class SettingsError(Exception):
    """The settings file cannot be used; the message says why and what is done instead."""


def _context(size: int) -> int:
    if size and not LEAST_CONTEXT <= size <= MOST_CONTEXT:
        raise ValueError(f"must be 0, or {LEAST_CONTEXT} to {MOST_CONTEXT:,}")
    return size


class Settings(BaseModel):
    """The user's settings: what `settings.toml` may say."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    theme: str = "ink"
    """The colour theme."""
    model: str = ""
    """Path or name of the model to start with; empty takes the embedded one."""
    persona: str = "Assistant"
    """The persona of a new session."""
    user: str = ""
    """What {{user}} in a persona stands for; empty takes the login name."""
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    """Compute threads; 0 takes the physical cores."""
    context: Annotated[int, AfterValidator(_context)] = 0
    """Context window in tokens; 0 takes what the model was trained for, at most 8,192; else 64 to 16,777,216."""
    gpu_layers: Annotated[int, Field(ge=-1, le=10_000)] = 0
    """Layers to put on a GPU; -1 puts all of them there."""
    kv_type: Literal["f16", "q8_0", "q4_0"] = "f16"
    """How the KV cache is stored; q8_0 takes half the memory of f16, and on a CPU reads prompts half as fast."""
    batch: Annotated[int, Field(ge=32, le=16_384)] = 512
    """Most tokens of a prompt that are given to llama.cpp at once."""
    ubatch: Annotated[int, Field(ge=32, le=16_384)] = 512
    """Most tokens that are computed together; fewer take less memory and more time."""
    mmap: bool = True
    """Map the weights into memory, so that they load fast and are shared; false reads them into it."""
    mlock: bool = False
    """Keep the weights from being swapped out; the system must allow it."""
    on_full: Policy = Policy.DROP
    """What is done when the context window is full: `drop` leaves the oldest turns out, `summarise` has the model
    sum them up, `stop` asks you; a session may choose otherwise."""
    kv_memory_mb: Annotated[int, Field(ge=0, le=2**20)] = 512
    """Megabytes of memory for the KV states of other sessions and branches, to go back to them at once."""
    kv_disk_mb: Annotated[int, Field(ge=0, le=2**20)] = 2048
    """Megabytes of disk for the KV states of sessions, to open them without reading them anew; 0 writes none."""
    tools: bool = False
    """Whether the model may use tools in sessions that begin: a calculator, your agenda, notes and conversations.
    What would be written is only proposed. A persona and a session may say otherwise (`/tools on`)."""
    notifications: bool = True
    """Whether a reminder that becomes due is shown as a desktop notification, too, where there are such."""
    bell: bool = False
    """Whether it rings the terminal's bell."""
    keys: dict[str, str] = {}
    """Own keys, by the id of the binding: `keys."chat.again" = "ctrl+y"`."""

    @classmethod
    def load(cls, path: Path) -> Settings:
        """Read the file; a missing one gives the defaults.

        Raises:
            SettingsError: when the file cannot be read or says something that is not understood.
        """
        try:
            values: Mapping[str, Any] = tomllib.loads(path.read_text("utf-8"))
            return cls.model_validate(values)
        except FileNotFoundError:
            return cls()
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(f"{path.name} cannot be read ({error}); the defaults are in force.") from error
        except ValidationError as error:
            name, reason, _ = _first(error)
            raise SettingsError(f"{path.name}: ‘{name}’: {reason}; the defaults are in force.") from error

    def changed(self, values: Mapping[str, Any]) -> Settings:
        """The settings with some values in place of their own.

        Raises:
            SettingsError: when a value is out of its range.
        """
        try:
            return Settings.model_validate({**self.model_dump(), **values})
        except ValidationError as error:
            name, reason, value = _first(error)
            raise SettingsError(f"‘{name}’ cannot be {value!r}: {reason}.") from error

    def save(self, path: Path) -> None:
        """Write what differs from the defaults; the file is replaced whole or not at all."""
        write_private(path, tomli_w.dumps(self.model_dump(exclude_defaults=True)))


def _first(error: ValidationError) -> tuple[str, str, Any]:
    """The setting that is to blame, why, and what it was given."""
    first = error.errors()[0]
    reason = first["msg"].removeprefix("Value error, ").lower()
    return ".".join(str(part) for part in first["loc"]), reason, first["input"]


def save_setting(path: Path, name: str, value: str) -> None:
    """Change one setting in the settings file, and nothing else that a person wrote there.

    Raises:
        SettingsError: when the file is written in a way that this cannot change.
        OSError: when it cannot be read or written.
    """
    line = tomli_w.dumps({name: value}).strip()
    text = path.read_text("utf-8") if path.exists() else ""
    table = re.search(r"^\s*\[", text, re.MULTILINE)  # a key of the file as a whole stands before its first table
    head, tables = (text[: table.start()], text[table.start() :]) if table else (text, "")
    changed, found = re.subn(rf"^{name}\s*=.*$", lambda _: line, head, count=1, flags=re.MULTILINE)
    new = (changed if found else f"{line}\n{head}") + tables
    try:
        as_meant = tomllib.loads(new) == {**tomllib.loads(text), name: value}
    except tomllib.TOMLDecodeError:
        as_meant = False
    if not as_meant:
        raise SettingsError(f"{path.name} could not be changed; write this into it: {line}")
    write_private(path, new)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, by way of a temporary file beside it and a rename."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
