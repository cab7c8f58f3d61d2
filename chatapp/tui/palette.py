"""The palette, which finds everything by name, and the search of all that was said."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import App
from textual.binding import BindingType
from textual.dom import DOMNode

from chatapp.config import save_setting
from chatapp.conversation.context import Policy
from chatapp.conversation.sampling import ALL_SETTINGS
from chatapp.tui.assistant import assistant_actions
from chatapp.tui.branching import branching_actions
from chatapp.tui.cutting import cutting_actions
from chatapp.tui.every_key import screen_classes
from chatapp.tui.exchanging import exchange_actions
from chatapp.tui.finding import MESSAGES, find_messages
from chatapp.tui.lens_page import LensPage
from chatapp.tui.page_view import PageView
from chatapp.tui.screens.keys import key_name
from chatapp.tui.screens.sheet import Item, Sheet
from chatapp.tui.tagging import tag_actions, tags_to_find
from chatapp.tui.trash import trash_actions
from chatapp.tui.tuning import preset_actions
from chatapp.tui.widgets.session_lines import chips

if TYPE_CHECKING:
    from chatapp.tui.screens.main import MainScreen

FEW_SESSIONS = 200
POLICIES = (
    (Policy.STOP, "stop and ask", "the message waits until you decide"),
    (Policy.DROP, "drop oldest turns", "persona and pinned turns stay"),
    (Policy.SUMMARISE, "summarise", "the model sums up what leaves"),
)


def open_palette(screen: MainScreen) -> None:
    """Sessions, settings, presets, personas, models, themes and actions, by name."""
    screen.run_worker(_open_palette(screen), group="palette", exclusive=True)


def open_search(screen: MainScreen) -> None:
    """What was said, and all that the palette knows, as one types."""
    screen.run_worker(_open_search(screen), group="palette", exclusive=True)


async def _open_palette(screen: MainScreen) -> None:
    screen.app.push_screen(
        Sheet(await _everything(screen), placeholder="sessions, settings, personas, models, themes"),
        lambda item: _palette_chosen(screen, item),
    )


async def _open_search(screen: MainScreen) -> None:
    items = [item for item in await _everything(screen) if item.group != "actions"]
    live = (MESSAGES, lambda typed, only: find_messages(screen, typed, only))
    screen.app.push_screen(
        Sheet(items, placeholder="words, “phrases”, -not, role:user, tag:work, after:2026-01-31", live=live),
        lambda item: _palette_chosen(screen, item),
    )


async def _everything(screen: MainScreen) -> list[Item]:
    heads = await screen.desk.sessions(FEW_SESSIONS)
    trashed = await screen.desk.store.sessions(deleted=True, limit=FEW_SESSIONS)
    models = await asyncio.to_thread(screen.home.catalog.models)
    await screen.tuning.read_presets()
    return [
        *_actions(screen),
        *(
            Item("sessions", head.title or "Untitled", chips(head.tags), value=("session", head.uid))
            for head in heads
        ),
        *tags_to_find(await screen.desk.store.tags()),
        *_settings(screen),
        *(
            Item("personas", one.name, detail=one.description, right="new session", value=("persona", one.name))
            for one in screen.home.library.list()
            if not one.problem
        ),
        *(
            Item("models", model.name, detail=model.quantisation, right="load", value=("model", model))
            for model in models
            if not model.problem
        ),
        *(
            Item("themes", name, right="in use" if name == screen.app.theme else "", value=("theme", name))
            for name in sorted(screen.app.available_themes)
        ),
        *(Item("trash", one.title or "Untitled", right="restore", value=("trash", one.uid)) for one in trashed),
    ]


def _actions(screen: MainScreen) -> list[Item]:
    # Quit comes last: Enter on the palette as it opens must not end the app.
    classes: list[type[DOMNode]] = [*screen_classes(type(screen)), PageView, LensPage, type(screen.app)]
    bindings = [binding for cls in classes for binding in cls.BINDINGS]
    files = [("Attach a file", lambda one: one.page.composer.insert("@"))]
    more = [
        *exchange_actions(screen),
        *tag_actions(),
        *trash_actions(),
        *branching_actions(),
        *cutting_actions(),
        *assistant_actions(),
        *preset_actions(screen),
        *files,
    ]
    return [
        *(Item("actions", title, value=("do", does)) for title, does in more),
        *_bound(bindings),
    ]


def _bound(bindings: Sequence[BindingType]) -> list[Item]:
    return [
        Item(
            "actions",
            binding.description[:1].upper() + binding.description[1:],
            right=key_name(binding.key.split(",")[0]),
            value=("action", binding.action),
        )
        for binding in bindings
        if not isinstance(binding, tuple) and binding.action != "palette"
    ]


def _settings(screen: MainScreen) -> list[Item]:
    force = screen.chat.session.sampling()
    settings = [
        Item(
            "settings",
            setting.label,
            detail=f"{setting.format(getattr(force.settings, setting.name))}  {force.sources[setting.name]}",
            right="tune",
            value=("setting", setting.name),
        )
        for setting in ALL_SETTINGS
    ]
    presets = [
        Item("settings", f"preset: {one.name}", detail=one.purpose, right="apply", value=("preset", one.name))
        for one in screen.tuning.presets
    ]
    return settings + presets + _policies(screen)


def _policies(screen: MainScreen) -> list[Item]:
    now = screen.chat.room.policy
    return [
        Item(
            "settings",
            f"when the window is full: {name}",
            detail=does,
            right="in use" if policy is now else "apply",
            value=("policy", policy),
            keywords="context overflow policy",
        )
        for policy, name, does in POLICIES
    ]


def _palette_chosen(screen: MainScreen, item: Item | None) -> None:
    if item is None or not isinstance(item.value, tuple):
        screen.page.composer.focus()
        return
    what, value = item.value
    match what:
        case "session":
            screen.run_worker(screen.open_session(value), group="open", exclusive=True)
        case "do":
            value(screen)
        case "trash":
            screen.run_worker(screen.restore(value), group="open", exclusive=True)
        case "persona":
            screen.run_worker(screen.begin(value), group="open", exclusive=True)
        case "preset":
            screen.run_worker(screen.tuning.choose(value), group="tune")
        case "policy":
            screen.run_worker(_choose_policy(screen, value), group="tune")
        case "setting":
            screen.go_to_setting(value)
        case "model":
            screen.desk.load(value)
        case "theme":
            choose_theme(screen.app, screen, value)
        case "action":
            screen.app.call_later(screen.page.run_action, f"{_owner(screen, value)}{value}")


def _owner(screen: MainScreen, action: str) -> str:
    name = f"action_{action.partition('(')[0]}"
    return "app." if hasattr(screen.app, name) else "screen." if hasattr(screen, name) else ""


def choose_theme(app: App[None], screen: MainScreen, name: str) -> None:
    """Take a theme now and for the next start."""
    app.theme = name
    with screen.page.trouble_told():
        save_setting(screen.home.paths.settings, "theme", name)


async def _choose_policy(screen: MainScreen, policy: Policy) -> None:
    await screen.chat.room.choose_policy(policy)
    screen.desk.turns.try_again(screen.chat)
