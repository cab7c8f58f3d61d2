"""The user's own editor, as a command."""

from __future__ import annotations

import os
import shlex
import shutil
import sys


def editor_command() -> list[str]:
    """The editor that $VISUAL or $EDITOR names, or the system's usual one; empty where it makes no sense."""
    usual = "notepad" if sys.platform == "win32" else "vi"
    try:
        return shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or usual)
    except ValueError:
        return []


def missing_editor(command: list[str]) -> str:
    """A sentence where there is no such editor; else nothing."""
    if command and shutil.which(command[0]):
        return ""
    return f"There is no editor called ‘{command[0] if command else ''}’. Set $EDITOR to one."
