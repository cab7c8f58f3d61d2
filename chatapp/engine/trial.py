"""Chat templates on trial: a template is a program by a stranger, first run where it can do no harm.

The trial is a process of its own with little memory and little time (`worker/probe.py`). What came of it is kept
by the template's hash, so that it costs nothing from the second load on.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from chatapp.engine.gguf import NotAModel, read_template
from chatapp.engine.process import environment

PROBE = (sys.executable, "-P", "-m", "chatapp.engine.worker.probe")
SECONDS = 5
"""Of work, so that a busy machine makes no sound template look bad."""
WALL_SECONDS = 15.0
"""For a probe that does not even get to work."""
TOO_LONG = "The model’s chat template takes too long"
_CRASHES = "The model’s chat template crashes what runs it"
_KNOWN = {"872be49dbb638044ad01b60388f48d469ff2980e5f0dccdc22ec907db54d0788": ""}
"""The template of the embedded model."""
_MOST_KEPT = 1000


class Trials:
    """The verdicts over templates: an empty one lets the template be used, another says why not."""

    def __init__(self, file: Path | None) -> None:
        """Verdicts kept in a file, or only in memory."""
        self._file = file
        self._verdicts: dict[str, str] = {}
        self._seen: dict[Path, str] = {}
        """The templates' hashes, by model."""

    async def verdict(self, model: Path) -> str:
        """The verdict over a model's template, after a trial if it was not seen before."""
        template = await asyncio.to_thread(self._template, model)
        if not template:
            return ""
        key = self._seen[model] = _key(template)
        if key not in self._verdicts:
            self._verdicts[key] = await _try(template)
            await asyncio.to_thread(self._save)
        return self._verdicts[key]

    def condemn(self, model: Path) -> None:
        """The template of a model that was tried here has hung after all."""
        if (key := self._seen.get(model)) is not None:
            self._verdicts[key] = TOO_LONG
            self._save()

    def _template(self, model: Path) -> str:
        self._verdicts = _KNOWN | self._load() | self._verdicts
        with suppress(NotAModel):
            return read_template(model).partition("\0")[0]  # llama.cpp takes it for C's kind of text
        return ""

    def _load(self) -> dict[str, str]:
        """What the file says; one that cannot be read only costs new trials."""
        if self._file is None:
            return {}
        try:
            kept = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return {}
        return {str(key): str(verdict) for key, verdict in kept.items()} if isinstance(kept, dict) else {}

    def _save(self) -> None:
        if self._file is None:
            return
        newest = dict(list(self._verdicts.items())[-_MOST_KEPT:])
        draft = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        with suppress(OSError):  # then there is another trial next time
            draft.write_text(json.dumps(newest), "utf-8")
            draft.chmod(0o600)
            draft.replace(self._file)


def _key(template: str) -> str:
    return hashlib.sha256(template.encode("utf-8", "surrogatepass")).hexdigest()


async def _try(template: str) -> str:
    """Run a template in a throw-away process."""
    try:
        process = await asyncio.create_subprocess_exec(
            *PROBE,
            str(SECONDS),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment(),
            start_new_session=True,
        )
    except OSError:
        return ""  # the engine watches over its templates, too
    try:
        told, _ = await asyncio.wait_for(
            process.communicate(template.encode("utf-8", "surrogatepass")), WALL_SECONDS
        )
    except TimeoutError:
        return TOO_LONG
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode in {-signal.SIGXCPU, -signal.SIGKILL}:
        return TOO_LONG
    return told.decode("utf-8", "replace") if process.returncode == 0 else _CRASHES
