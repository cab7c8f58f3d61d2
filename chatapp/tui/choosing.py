"""The sheets that the main screen opens: models, personas, keys, and the palette that finds everything by name."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import App
from textual.binding import BindingType
from textual.dom import DOMNode
from textual.screen import Screen

from chatapp.config import SettingsError, save_setting
from chatapp.conversation.context import Policy
from chatapp.conversation.persona import Persona
from chatapp.conversation.prompt import turns
from chatapp.conversation.sampling import ALL_SETTINGS
from chatapp.engine.catalog import Catalog, ModelFile, ModelNotFound
from chatapp.engine.client import EngineDied, EngineError
from chatapp.engine.embedded import FetchError, embedded_model, fetch
from chatapp.errors import Refusal
from chatapp.home import short_path
from chatapp.loading import plan_load
from chatapp.personas import new_persona
from chatapp.text import display_line
from chatapp.tui.assistant import assistant_actions
from chatapp.tui.branching import branching_actions
from chatapp.tui.exchanging import exchange_actions
from chatapp.tui.finding import MESSAGES, find_messages
from chatapp.tui.lens_page import LensPage
from chatapp.tui.page_view import PageView
from chatapp.tui.prompt_lines import Shown, break_of
from chatapp.tui.screens.agenda import AgendaScreen
from chatapp.tui.screens.cut_view import CutView
from chatapp.tui.screens.inspector import Inspector
from chatapp.tui.screens.keys import Group, KeysScreen, groups_from, key_name
from chatapp.tui.screens.memory import MemoryScreen
from chatapp.tui.screens.models import ModelBrowser, ModelChoice
from chatapp.tui.screens.personas import PersonaChoice, PersonaPicker
from chatapp.tui.screens.sheet import Item, Sheet
from chatapp.tui.screens.ways import WaysScreen
from chatapp.tui.trash import trash_actions
from chatapp.tui.tuning import preset_actions
from chatapp.tui.widgets.composer import WritingArea
from chatapp.tui.widgets.lens_bar import LensBar
from chatapp.tui.widgets.sampling import SamplingPanel
from chatapp.tui.widgets.sessions import SessionList
from chatapp.tui.widgets.transcript.branching import BranchingView
from chatapp.tui.widgets.transcript.finding import FindingView
from chatapp.tui.widgets.transcript.reading import ReadingView

if TYPE_CHECKING:
    from chatapp.tui.screens.main import MainScreen

NO_MODEL = "There is no model on this machine yet."
FEW_SESSIONS = 200
POLICIES = (
    (Policy.STOP, "stop and ask", "the message waits until you decide"),
    (Policy.DROP, "drop oldest turns", "persona and pinned turns stay"),
    (Policy.SUMMARISE, "summarise", "the model sums up what leaves"),
)


def load_named(screen: MainScreen, wanted: str | None) -> None:
    """Load the model that was asked for, or the default; say so where there is none."""
    try:
        screen.desk.load(screen.home.model(wanted))
    except Refusal as refusal:
        if screen.desk.model.ready:  # the present one stays
            screen.tell_trouble(str(refusal))
            return
        screen.desk.model.problem = NO_MODEL if refusal.kind == "no_model" else str(refusal)
        screen.hear_model()


# Models -----------------------------------------------------------------------------------------------------


def choose_model(screen: MainScreen) -> None:
    """Choose among the models found, or type the path of another."""
    home, desk = screen.home, screen.desk
    now = desk.model.file
    browser = ModelBrowser(
        home.catalog,
        in_use=str(now.path) if now is not None else "",
        default=home.settings.model or str(embedded_model(home.paths.models) or ""),
        fit=lambda model: plan_load(home, model, freed=desk.loader.to_be_freed()).fit,
        seen=lambda model: home.experience.of(model.path, model.size),
        make_default=lambda model: _make_default(screen, model),
        problem=lambda path: _problem_of(home.catalog, path),
    )
    screen.app.push_screen(browser, lambda choice: _model_chosen(screen, choice))


def _problem_of(catalog: Catalog, path: Path) -> str:
    """Why a path leads to no model; empty where it does."""
    try:
        catalog.resolve(path)
    except ModelNotFound as error:
        return str(error)
    return ""


def _make_default(screen: MainScreen, model: ModelFile) -> str:
    """Start with a model from now on; the embedded one is what no setting means."""
    path = "" if model.source == "comes with chatapp" else str(model.path)
    try:
        save_setting(screen.home.paths.settings, "model", path)
    except (SettingsError, OSError) as error:
        return str(error)
    screen.home.settings = screen.home.settings.model_copy(update={"model": path})
    return f"chatapp starts with {model.name} from now on."


def _model_chosen(screen: MainScreen, choice: ModelChoice | None) -> None:
    if choice is None:
        screen.page.composer.focus()
    elif choice.file is not None:
        screen.desk.load(choice.file)
    elif choice.path is not None:
        load_named(screen, str(choice.path))
    else:
        screen.run_worker(_fetch(screen), group="fetch", exclusive=True)


async def _fetch(screen: MainScreen) -> None:
    """Fetch the embedded model, because the user asked for it: the only thing here that uses the network."""
    model = screen.desk.model
    model.problem = ""

    def report(sentence: str) -> None:
        screen.notify(sentence, markup=False, timeout=4)

    try:
        await fetch(screen.home.paths.models, report)
    except FetchError as error:
        model.problem = str(error)
        screen.hear_model()
        return
    load_named(screen, None)


# Personas ---------------------------------------------------------------------------------------------------


def choose_persona(screen: MainScreen) -> None:
    """Choose a persona, for a new session or for this one."""
    info = screen.desk.engine.info
    picker = PersonaPicker(
        screen.home.library.list(),
        current=screen.chat.session.persona.name,
        default=screen.home.settings.persona,
        cost=lambda persona: _cost(screen, persona),
        context=info.n_ctx if info else 0,
        read_again=screen.home.library.read_again,
    )
    screen.app.push_screen(picker, lambda choice: _persona_chosen(screen, choice))


async def _cost(screen: MainScreen, persona: Persona) -> int:
    """Tokens that the persona takes before the first word."""
    info = screen.desk.engine.info
    if info is None:
        await asyncio.Event().wait()  # no model, no number: the row stays away
    return await screen.desk.engine.count(turns(persona, [], ""), template=persona.template)


def _persona_chosen(screen: MainScreen, choice: PersonaChoice | None) -> None:
    if choice is None:
        screen.page.composer.focus()
    elif choice.how == "create":
        _create_persona(screen, choice.name)
    elif choice.how == "here":
        screen.run_worker(screen.apply_persona(choice.name), group="persona")
    else:
        screen.run_worker(screen.begin(choice.name), group="persona")


def _create_persona(screen: MainScreen, name: str) -> None:
    try:
        path = new_persona(screen.home.paths.personas, name)
    except OSError as error:
        screen.tell_trouble(error.strerror or str(error))
        return
    screen.notify(f"Written: {display_line(short_path(path))}", markup=False, timeout=6)
    choose_persona(screen)


# Keys -------------------------------------------------------------------------------------------------------


def key_groups(app: type, screen: type, keymap: Mapping[str, str]) -> list[Group]:
    """Every key of the app, by area."""
    areas: dict[str, list[type]] = {
        "anywhere": [app, *_screen_classes(screen), PageView, LensPage],
        "composer": [WritingArea],
        "page": [ReadingView, BranchingView, FindingView],
        "several replies": [WaysScreen],
        "lens": [LensBar],
        "sampling": [SamplingPanel],
        "sessions": [SessionList],
        "cut view": [CutView],
        "agenda": [AgendaScreen],
        "memory": [MemoryScreen],
    }
    return groups_from(areas, keymap)


def _screen_classes(screen: type) -> list[type[Screen[None]]]:
    """The classes of ours that a screen is made of, each with bindings of its own."""
    return [
        cls for cls in screen.__mro__ if issubclass(cls, Screen) and "BINDINGS" in vars(cls) and cls is not Screen
    ]


def show_keys(screen: MainScreen) -> None:
    """Every key, from the bindings themselves, and the model that they steer."""
    info = screen.desk.engine.info
    notes = [f"model  {info.name} {info.quantisation}, {short_path(Path(info.path))}"] if info else []
    groups = key_groups(type(screen.app), type(screen), screen.home.settings.keys)
    screen.app.push_screen(KeysScreen(groups, notes))


# The prompt -------------------------------------------------------------------------------------------------


def inspect_prompt(screen: MainScreen) -> None:
    """The prompt as it stands, with what is being written."""
    if screen.app.screen is screen:
        screen.run_worker(_inspect(screen), group="inspect", exclusive=True)


async def _inspect(screen: MainScreen) -> None:
    chat = screen.chat
    try:
        prompt, tokens = await chat.room.inspect(screen.page.composer.text.strip("\n"), chat.files)
    except (EngineDied, EngineError) as error:
        screen.tell_trouble(f"There is no prompt to show without a model. {error}")
        return
    tip = chat.session.tree.tip()
    came = tip.provenance if tip is not None and tip.provenance.prompt_tokens else None
    why = break_of(chat.prompt, chat.cache, foreign=chat.foreign)
    screen.app.push_screen(Inspector(Shown(prompt, tokens, came, why)))


# The palette ------------------------------------------------------------------------------------------------


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
        *(Item("sessions", head.title or "Untitled", value=("session", head.uid)) for head in heads),
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
    classes: list[type[DOMNode]] = [*_screen_classes(type(screen)), PageView, LensPage, type(screen.app)]
    bindings = [binding for cls in classes for binding in cls.BINDINGS]
    files = [("Attach a file", lambda one: one.page.composer.insert("@"))]
    more = [
        *exchange_actions(screen),
        *trash_actions(),
        *branching_actions(),
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
