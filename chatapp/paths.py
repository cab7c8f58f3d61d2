"""Where files live.

All state is in the folders that platformdirs names; `--data-dir` or CHATAPP_DATA_DIR moves it all under one.
Folders are made 0700 and files 0600: what is written here is nobody else's business.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

APP = "chatapp"


@dataclass(frozen=True)
class Paths:
    """The folders and files of one installation."""

    data: Path
    config: Path
    state: Path

    @classmethod
    def default(cls, data_dir: str | os.PathLike[str] | None = None) -> Paths:
        """The platform's folders, or everything under one folder where the user says so."""
        chosen = data_dir or os.environ.get("CHATAPP_DATA_DIR")
        if chosen:
            root = Path(chosen).expanduser().resolve()
            return cls(data=root, config=root / "config", state=root / "state")
        return cls(
            data=Path(platformdirs.user_data_dir(APP, appauthor=False)),
            config=Path(platformdirs.user_config_dir(APP, appauthor=False)),
            state=Path(platformdirs.user_state_dir(APP, appauthor=False)),
        )

    @property
    def database(self) -> Path:
        """The file that holds the chats."""
        return self.data / "chats.db"

    @property
    def personas(self) -> Path:
        """The user's own personas."""
        return self.data / "personas"

    @property
    def presets(self) -> Path:
        """The user's own sampling presets."""
        return self.data / "presets"

    @property
    def models(self) -> Path:
        """The user's own models."""
        return self.data / "models"

    @property
    def snapshots(self) -> Path:
        """KV states of the sessions; they can always be made again."""
        return self.data / "snapshots"

    @property
    def exports(self) -> Path:
        """Sessions that were written to files."""
        return self.data / "exports"

    @property
    def memory(self) -> Path:
        """What is remembered of the user."""
        return self.data / "memory.md"

    @property
    def settings(self) -> Path:
        """The user's settings file."""
        return self.config / "settings.toml"

    @property
    def log(self) -> Path:
        """The log: what happened, never what was said."""
        return self.state / "chatapp.log"

    @property
    def engine_log(self) -> Path:
        """What llama.cpp printed."""
        return self.state / "engine.log"

    @property
    def templates(self) -> Path:
        """How the trials of chat templates went."""
        return self.state / "templates.json"

    @property
    def headers(self) -> Path:
        """What was read of the headers of model files."""
        return self.state / "model-headers.json"

    @property
    def experience(self) -> Path:
        """How fast each model was, and what memory it took."""
        return self.state / "models-seen.json"

    def create(self) -> None:
        """Make the folders, for their owner only."""
        for folder in (self.data, self.config, self.state, self.personas, self.models):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.name == "posix" and self.data.stat().st_mode & 0o077:
            self.data.chmod(0o700)
