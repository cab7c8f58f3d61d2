"""A tool that a reply has called: with what, what became of it, and what came back."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Outcome = Literal["open", "done", "failed", "declined"]
"""`open`: it was not carried out, because the app ended before. `declined`: the person did not want it."""
NOT_CARRIED_OUT = "It was not carried out."


class ToolUse(BaseModel):
    """A call, as it is kept with the reply that made it. It is only ever read again, never run."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    arguments: dict[str, Any] = {}
    outcome: Outcome = "open"
    result: str = ""
    begins: int = 0
    """The character of the reply with which its calls begin."""

    @property
    def told(self) -> str:
        """What the model reads of it."""
        return self.result or NOT_CARRIED_OUT

    @property
    def asked(self) -> str:
        """What it was called with, on one line."""
        return ", ".join(f"{name}: {value}" for name, value in self.arguments.items())
