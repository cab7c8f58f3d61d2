"""The parts of the documentation that are made from the code: `python -m scripts.reference`.

A test compares them with what stands in docs/, so that they cannot lag behind.
"""

from __future__ import annotations

from pathlib import Path

from chatapp.config import Settings
from chatapp.tui.app import ChatApp
from chatapp.tui.every_key import key_areas
from chatapp.tui.screens.keys import described, key_name, sentence_part
from chatapp.tui.screens.main import MainScreen

DOCS = Path(__file__).parent.parent / "docs"


def keys() -> str:
    """Every key, by area, with the name by which the settings give it another."""
    areas = {
        area: [one for cls in classes for one in described(cls)]
        for area, classes in key_areas(ChatApp, MainScreen).items()
    }
    first = [f"`{key_name(one.key)}` ({one.id})" for area in areas.values() for one in area if one.priority]
    parts = [
        "# Keys",
        "Made from the bindings by `python -m scripts.reference`; `F1` shows the same in the app.",
        _how(first),
    ]
    for area, bindings in areas.items():
        rows = [f"| `{key_name(one.key)}` | {sentence_part(one.description)} | `{one.id}` |" for one in bindings]
        table = "\n".join(dict.fromkeys(rows))
        parts.append(f"## {area.capitalize()}\n\n| key | | name |\n|---|---|---|\n{table}")
    return "\n\n".join(parts) + "\n"


def _how(first: list[str]) -> str:
    """How a key is changed, and which cannot be taken away from what they do."""
    return (
        'The [settings](settings.md) give an action another key by its name: `keys."chat.again" = "ctrl+y"`. '
        f"Any key can be given to something else, but {', '.join(first)} come first wherever one stands: "
        "to have one of them, give its own action another key, too."
    )


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
