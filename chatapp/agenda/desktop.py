"""A desktop notification, where the desktop has a program for it: fixed arguments, and the text as one of them."""

from __future__ import annotations

import html
import shutil
import sys

from chatapp.text import display_line

TITLE = "chatapp"
_SCRIPT = ("on run argv", "display notification (item 1 of argv) with title (item 2 of argv)", "end run")


def notification(text: str) -> list[str] | None:
    """The command that shows a text, as an argument list for no shell; None where there is no such program."""
    text = display_line(text)[:500]
    if sys.platform == "darwin" and (program := shutil.which("osascript")):
        script = [part for line in _SCRIPT for part in ("-e", line)]
        return [program, *script, text, TITLE]
    if sys.platform.startswith("linux") and (program := shutil.which("notify-send")):
        # The body may be read as markup by whoever shows it.
        return [program, f"--app-name={TITLE}", "--", TITLE, html.escape(text, quote=False)]
    return None
