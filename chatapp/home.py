"""What an installation has: its folders, settings, personas and models. The TUI and every command start here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from chatapp.config import Settings, SettingsError
from chatapp.conversation.persona import Persona
from chatapp.engine.catalog import Catalog, ModelFile, ModelNotFound
from chatapp.engine.client import Engine
from chatapp.engine.embedded import embedded_model
from chatapp.engine.experience import Experience
from chatapp.engine.headers import Headers
from chatapp.engine.recall import Recall
from chatapp.engine.snapshots import Snapshots
from chatapp.errors import Refusal
from chatapp.log import log_to
from chatapp.memory import MemoryFile
from chatapp.paths import Paths
from chatapp.personas import Library, MacroValues, NoSuchPersona, expand, shipped_folder
from chatapp.presets import PresetFolder


@dataclass
class Home:
    """The folders and the settings in force; `problem` says why the settings file was passed over, if it was."""

    paths: Paths
    settings: Settings
    problem: str = ""

    @classmethod
    def open(cls, paths: Paths, wished: Mapping[str, Any] | None = None) -> Home:
        """Make the folders and read the settings; those that are wished for win over the file.

        Raises:
            Refusal: when the folders cannot be made, or a wish cannot be.
        """
        try:
            paths.create()
        except OSError as error:
            reason = error.strerror or str(error)
            raise Refusal(
                "data_dir", f"The folder {paths.data} cannot be used ({reason}). Name another with --data-dir."
            ) from error
        log_to(paths.log)
        try:
            home = cls(paths, Settings.load(paths.settings))
        except SettingsError as error:
            home = cls(paths, Settings(), str(error))
        try:
            home.settings = home.settings.changed(wished or {})
        except SettingsError as error:
            raise Refusal("settings", str(error)) from error
        return home

    @cached_property
    def library(self) -> Library:
        """The shipped personas and the user's own."""
        return Library(shipped_folder(), self.paths.personas, self.presets.all)

    @cached_property
    def presets(self) -> PresetFolder:
        """The shipped sampling presets and the user's own."""
        return PresetFolder(self.paths.presets)

    @cached_property
    def catalog(self) -> Catalog:
        """The models on this machine."""
        return Catalog(self.paths.models, Headers(self.paths.headers))

    @cached_property
    def experience(self) -> Experience:
        """What was seen of each model."""
        return Experience(self.paths.experience)

    @cached_property
    def snapshots(self) -> Snapshots:
        """The KV states of the sessions."""
        return Snapshots(self.paths.snapshots, self.settings.kv_disk_mb * 2**20)

    def recall(self, engine: Engine) -> Recall | None:
        """What brings the KV states back into an engine; none where the settings want none kept."""
        return Recall(engine, self.snapshots) if self.settings.kv_disk_mb else None

    @cached_property
    def memory(self) -> MemoryFile:
        """What is remembered of the user."""
        return MemoryFile(self.paths.memory)

    def persona(self, name: str | None, model_name: str, *, memory: bool = True) -> Persona:
        """A persona with its macros expanded and what is remembered, as a session starts with it.

        Raises:
            Refusal: when there is none of that name, or the memory cannot be read.
        """
        try:
            persona = self.library.get(name or self.settings.persona)
        except NoSuchPersona as error:
            raise Refusal("persona", str(error)) from error
        user = self.settings.user or os.environ.get("USER") or os.environ.get("USERNAME") or "you"
        known = tuple(entry.text for entry in self.memory.entries()) if memory and persona.memory else ()
        expanded = expand(persona, MacroValues(user=user, model=model_name, now=datetime.now().astimezone()))
        tools = self.settings.tools if persona.tools is None else persona.tools
        return expanded.model_copy(update={"known": known, "tools": tools})

    def model(self, wanted: str | None = None) -> ModelFile:
        """The model that was named, or the one of the settings, or the embedded one.

        Raises:
            Refusal: when there is none.
        """
        name = wanted or self.settings.model or str(embedded_model(self.paths.models) or "")
        if not name:
            raise Refusal(
                "no_model",
                "There is no model yet. Start chatapp to fetch the small one, or name a GGUF with --model PATH.",
            )
        try:
            return self.catalog.resolve(name)
        except ModelNotFound as error:
            raise Refusal("model", str(error)) from error


def short_path(path: Path) -> str:
    """A path as people write it, with ~ for the home folder."""
    home, text = str(Path.home()), str(path)
    return "~" + text[len(home) :] if home != "/" and text.startswith(home + os.sep) else text
