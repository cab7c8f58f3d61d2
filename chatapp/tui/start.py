"""What the command line wished for."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Start:
    """The model, the persona and the session to start with, and whether anything is written."""

    model: str | None = None
    persona: str | None = None
    session: str | None = None
    continue_newest: bool = False
    temporary: bool = False
    settings: Mapping[str, int | str] = field(default_factory=dict)
    """Those that win over the settings file."""
    reading: str = ""
    """Why the chats are to be opened for reading only; empty where they are not."""

    @classmethod
    def of(cls, arguments: argparse.Namespace, settings: Mapping[str, int | str]) -> Start:
        """From the parsed command line."""
        return cls(
            arguments.model,
            arguments.persona,
            arguments.session,
            arguments.continue_newest,
            arguments.temporary,
            settings,
        )
