"""What tells reminders while the app is closed: a systemd user timer or a launchd agent, once a minute."""

from __future__ import annotations

import plistlib
import sys
from dataclasses import dataclass
from pathlib import Path

NAME = "chatapp-reminders"
LABEL = "chatapp.reminders"


@dataclass(frozen=True)
class Timer:
    """The files that make the timer, the commands that start it, and how it is removed again."""

    files: dict[Path, str]
    start: tuple[tuple[str, ...], ...]
    removal: str


def timer(command: list[str], home: Path, platform: str = sys.platform) -> Timer | None:
    """The timer of this system, running a command once a minute; None where it knows neither kind.

    Args:
        command: the program and its arguments; none of them may have a line break.
        home: the user's home folder.
        platform: as `sys.platform` names it.
    """
    if platform == "darwin":
        return _launchd(command, home)
    return _systemd(command, home) if platform.startswith("linux") else None


def _systemd(command: list[str], home: Path) -> Timer:
    folder = home / ".config" / "systemd" / "user"
    service = (
        f"[Unit]\nDescription=Reminders of chatapp that are due\n\n"
        f"[Service]\nType=oneshot\nExecStart={' '.join(map(_quoted, command))}\n"
    )
    schedule = (
        "[Unit]\nDescription=Look for due reminders of chatapp every minute\n\n"
        "[Timer]\nOnCalendar=minutely\nAccuracySec=5s\nPersistent=true\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )
    return Timer(
        {folder / f"{NAME}.service": service, folder / f"{NAME}.timer": schedule},
        (("systemctl", "--user", "daemon-reload"), ("systemctl", "--user", "enable", "--now", f"{NAME}.timer")),
        f"systemctl --user disable --now {NAME}.timer",
    )


def _quoted(word: str) -> str:
    """A word of ExecStart, with systemd's own marks taken literally (systemd.service, "Command lines")."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def _launchd(command: list[str], home: Path) -> Timer:
    path = home / "Library" / "LaunchAgents" / f"{LABEL}.plist"
    agent = {"Label": LABEL, "ProgramArguments": command, "StartInterval": 60, "RunAtLoad": True}
    return Timer(
        {path: plistlib.dumps(agent).decode()},
        (("launchctl", "load", "-w", str(path)),),
        f"launchctl unload -w {path}",
    )
