"""The choice of a model and of a persona."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from chatapp.config import SettingsError, save_setting
from chatapp.conversation.persona import Persona
from chatapp.conversation.prompt import turns
from chatapp.engine.catalog import Catalog, ModelFile, ModelNotFound
from chatapp.engine.embedded import FetchError, embedded_model, fetch
from chatapp.errors import Refusal
from chatapp.home import Home, short_path
from chatapp.loading import plan_load
from chatapp.personas import new_persona
from chatapp.text import display_line
from chatapp.tui.screens.models import ModelBrowser, ModelChoice
from chatapp.tui.screens.personas import PersonaChoice, PersonaPicker

if TYPE_CHECKING:
    from chatapp.tui.screens.main import MainScreen

NO_MODEL = "There is no model on this machine yet."


def load_named(screen: MainScreen, wanted: str | None) -> None:
    """Load the model that was asked for, or the default; say so where there is none."""
    try:
        screen.desk.load(screen.home.model(wanted))
    except Refusal as refusal:
        if screen.desk.model.ready:  # the present one stays
            screen.tell_trouble(str(refusal))
            return
        screen.desk.model.problem = NO_MODEL if refusal.kind == "no_model" else str(refusal)
        screen.desk.model.instead = _installed(screen.home)
        screen.hear_model()


def _installed(home: Home) -> ModelFile | None:
    """The embedded model, if it is here."""
    path = embedded_model(home.paths.models)
    with suppress(Refusal):
        return home.model(str(path)) if path is not None else None
    return None


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
    return await screen.desk.engine.prompts.count(turns(persona, [], ""), template=persona.template)


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
