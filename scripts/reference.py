"""The parts of the documentation that are made from the code: `python -m scripts.reference`.

A test compares them with what stands in docs/, so that they cannot lag behind.
"""

from __future__ import annotations

from pathlib import Path

from chatapp.config import Settings
from chatapp.tui.app import ChatApp
from chatapp.tui.every_key import key_groups
from chatapp.tui.screens.main import MainScreen

DOCS = Path(__file__).parent.parent / "docs"


def keys() -> str:
    """Every key, by area."""
    parts = ["# Keys", "Made from the bindings by `python -m scripts.reference`; `F1` shows the same in the app."]
    for area, rows in key_groups(ChatApp, MainScreen, {}):
        table = "\n".join(f"| `{key}` | {does} |" for key, does in rows)
        parts.append(f"## {area.capitalize()}\n\n| key | |\n|---|---|\n{table}")
    return "\n\n".join(parts) + "\n"


def settings() -> str:
    """Every setting of the settings file."""
    rows = [
        f"| `{name}` | `{_value(field.default)}` | {_one_line(field.description)} |"
        for name, field in Settings.model_fields.items()
    ]
    intro = (
        "# Settings\n\n`settings.toml` in the config folder (`chatapp doctor` says where). Made from the code by "
        "`python -m scripts.reference`."
    )
    return f"{intro}\n\n| setting | default | |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def _value(value: object) -> str:
    return repr(str(value)) if isinstance(value, str) else repr(value)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


PAGES = {"keys.md": keys, "settings.md": settings}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), "utf-8")
        print(name)
