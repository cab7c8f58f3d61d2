"""A persona: who the model is asked to be. Plain data; files and macros are read in `chatapp.personas`."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from chatapp.conversation.sampling import BALANCED, SHIPPED, Preset, checked


class Example(BaseModel):
    """One example turn, shown to the model before the conversation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: str
    assistant: str


class Persona(BaseModel):
    """A system prompt with what belongs to it: greeting, example turns, sampling, and how it is sent.

    With `template` off the model's chat template is not used: the text simply goes on (plain completion).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(max_length=500)] = ""
    system: str = ""
    greeting: str = ""
    examples: tuple[Example, ...] = ()
    preset: Preset = BALANCED
    """The preset as it was when the file was read."""
    sampling: dict[str, Any] = {}
    template: bool = True
    prefill: str = ""
    """How every reply begins, written for the model."""
    memory: bool = True
    """Whether it is told what is remembered of the user."""
    tools: bool | None = None
    """Whether it may use tools; none: as the settings say."""
    task: bool = False
    """Whether it does one thing to each text it is given, rather than converse."""
    known: tuple[str, ...] = ()
    """What of it a session began with: fixed then, since a prompt that changes voids the model's cache."""

    @field_validator("preset", mode="before")
    @classmethod
    def _shipped_preset(cls, preset: object) -> object:
        """A name alone, as personas were kept before there were own presets, is that of a shipped one."""
        return SHIPPED.named(preset) if isinstance(preset, str) else preset

    @field_validator("sampling")
    @classmethod
    def _valid_sampling(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {name: checked(name, value) for name, value in values.items()}

    @property
    def json_schema(self) -> str:
        """The JSON Schema that every reply keeps to; empty where replies are free."""
        return str(self.sampling.get("json_schema", ""))

    @property
    def digest(self) -> str:
        """The SHA-256 of the persona's content: the same text is stored once, and a change is noticed."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


PersonaOrigin = Literal["shipped", "yours"]
