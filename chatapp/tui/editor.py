"""The user's own editor, in this terminal."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported

from chatapp.editor import editor_command, missing_editor


async def edit_file(app: App[Any], path: Path) -> str:
    """Lend the terminal to the editor until it ends; returns what went wrong as a sentence, or nothing."""
    command = editor_command()
    if problem := missing_editor(command):
        return problem
    try:
        # Within a batch nothing is painted over the editor, while a reply goes on being written and saved.
        with app.batch_update(), app.suspend():
            return await _run([*command, str(path)])
    except SuspendNotSupported:
        return "This terminal cannot be lent to an editor. Edit the file beside chatapp."
    finally:
        app.screen.refresh(layout=True)


async def _run(command: list[str]) -> str:
    # Nothing may be raised in here: the terminal would not come back from the suspension.
    try:
        process = await asyncio.create_subprocess_exec(*command)
    except OSError as error:
        return f"The editor did not start: {error.strerror}."
    status = await process.wait()
    return f"The editor ended with status {status}." if status else ""
