"""The model browser: every model on this machine, to be judged before it is loaded; or the path of another."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input

from chatapp.engine.catalog import Catalog, ModelFile
from chatapp.engine.experience import Seen
from chatapp.engine.fit import Fit
from chatapp.text import repair
from chatapp.tui.screens.model_page import ModelPage
from chatapp.tui.widgets.field import Field

_FIELD_AT = 6
_SLASH = "/"
"""The key that opens the field, and the beginning of many a path: it stands there as it was typed."""
_SHOWN_EVERY = 0.1
"""Seconds between two pictures of a search that goes on."""


@dataclass(frozen=True)
class ModelChoice:
    """A model that was found, the path of another, or neither: the one that could be fetched."""

    file: ModelFile | None = None
    path: Path | None = None


class ModelBrowser(Screen[ModelChoice | None]):
    """A page of its own; ends with a choice, or with None."""

    AUTO_FOCUS = ""
    CSS_PATH = "../styles/models.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "model above", show=False, id="models.up"),
        Binding("down", "move(1)", "model below", show=False, id="models.down"),
        Binding("home", "move(-100000)", "first", show=False, id="models.first"),
        Binding("end", "move(100000)", "last", show=False, id="models.last"),
        Binding("pageup", "read_on(-1)", "read back", show=False, id="models.read_back"),
        Binding("pagedown,space", "read_on(1)", "read on", show=False, id="models.read_on"),
        Binding("enter", "choose", "load it", show=False, id="models.load"),
        Binding("d", "default", "make it the default", show=False, id="models.default"),
        # Before the keys behind it: those belong to the field.
        Binding("slash", "type", "find, or type a path", show=False, id="models.find", priority=True),
        Binding("r", "look", "look again", show=False, id="models.look"),
        Binding("escape,ctrl+o", "leave", "back to the page", show=False, id="models.leave"),
    ]

    @dataclass
    class Found(Message):
        """The search has come so far."""

        search: int
        models: list[ModelFile]
        looking: bool

    def __init__(
        self,
        catalog: Catalog,
        *,
        in_use: str,
        default: str,
        fit: Callable[[ModelFile], Fit | None],
        seen: Callable[[ModelFile], Seen],
        make_default: Callable[[ModelFile], str],
        problem: Callable[[Path], str],
    ) -> None:
        """Offer the models of a catalog.

        Args:
            catalog: Looks for them, in a thread.
            in_use: The path of the model that is loaded.
            default: The path of the one that chatapp starts with.
            fit: Whether a model fits into memory.
            seen: What is known of a model from before.
            make_default: Makes a model the default; says how that went.
            problem: Why a path leads to no model, in a sentence; empty where it does. Called in a thread.
        """
        super().__init__()
        self._catalog = catalog
        self._make_default = make_default
        self._page = ModelPage(in_use=in_use, default=default, fit=fit, seen=seen)
        self._problem = problem
        self._search = 0
        self._field = Field("a part of a name, or the path of a GGUF")
        self._field.select_on_focus = False  # what is typed comes behind the slash
        self._field.display = False

    def compose(self) -> ComposeResult:
        """The page; the field is laid on it, and shown when it is wanted."""
        yield self._page
        yield self._field

    def on_mount(self) -> None:
        """Look for models; those whose headers are known are there in a moment."""
        self.action_look()

    def action_look(self) -> None:
        """Look for models, in a thread that nothing waits for: a disk may have gone away."""
        self._search += 1
        threading.Thread(target=self._look, args=(self._search,), daemon=True).start()

    def _look(self, search: int) -> None:
        found: list[ModelFile] = []
        shown, when = 0, 0.0
        for model in self._catalog.scan():
            if search != self._search or not self.is_attached:
                return
            found += [] if model is None else [model]
            if len(found) > shown and time.monotonic() - when > _SHOWN_EVERY:
                self.post_message(self.Found(search, self._catalog.arrange(found), looking=True))
                shown, when = len(found), time.monotonic()
        self.post_message(self.Found(search, self._catalog.arrange(found), looking=False))

    @on(Found)
    def _found(self, event: Found) -> None:
        if event.search == self._search:
            self._page.show(event.models, looking=event.looking)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """While a path is being typed, only leaving is left of the keys."""
        return not self._page.typing or action == "leave"

    def action_move(self, step: int) -> None:
        """Go up or down the list."""
        self._page.stand_on(self._page.at + step)

    def action_read_on(self, pages: int) -> None:
        """Scroll what is told of the model."""
        self._page.read_on(pages)

    @on(ModelPage.Chosen)
    def _chosen(self) -> None:
        self.action_choose()

    def action_choose(self) -> None:
        """Load the model one stands on, or fetch the one that is offered."""
        one = self._page.here
        if one is None:
            if self._page.offer:
                self.dismiss(ModelChoice())
        elif one.problem:
            self._page.say("It cannot be loaded.")
        else:
            self.dismiss(ModelChoice(file=one))

    def action_default(self) -> None:
        """Start with this model from now on."""
        one = self._page.here
        if one is None or one.problem:
            return
        said = self._make_default(one)
        self._page.default = str(one.path)
        self._page.say(said)

    def action_leave(self) -> None:
        """Go back; out of the field first."""
        if self._page.typing:
            self._end_typing()
        else:
            self.dismiss(None)

    # Typing -------------------------------------------------------------------------------------------------

    def action_type(self) -> None:
        """Ask for a part of a name, or for a path."""
        self._page.typing = True
        self._page.say("A part of a name, or the path of a GGUF.")
        self._field.value = _SLASH
        self._field.cursor_position = len(_SLASH)
        self._field.display = True
        self.set_focus(self._field)  # at once, so that no key comes between

    def on_resize(self) -> None:
        """The field stays on the line of keys."""
        self._field.styles.offset = (_FIELD_AT, self.size.height - 2)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        name = event.value.removeprefix(_SLASH)
        if name and _path_in(event.value) is None and not self._page.find(name):
            self._page.say("There is none of that name.")

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        path = _path_in(event.value)
        if path is None:
            self._end_typing()
        else:
            self._try(path)

    @work(group="path", exclusive=True)
    async def _try(self, path: Path) -> None:
        """Take a path that leads to a model; with another the field keeps what was typed."""
        near = Path(str(path).removeprefix(_SLASH))  # the slash may only have opened the field
        if not (problem := await asyncio.to_thread(self._problem, path)):
            self.dismiss(ModelChoice(path=path))
        elif not near.is_absolute() and not await asyncio.to_thread(self._problem, near):
            self.dismiss(ModelChoice(path=near))
        else:
            self._page.say(problem)

    def _end_typing(self) -> None:
        self._page.typing = False
        self._page.say("")
        self._field.value = ""
        self._field.display = False
        self.set_focus(None)


def _path_in(text: str) -> Path | None:
    """The path that a text looks like; a slash before a path of its own only opened the field."""
    text = repair(text).strip()
    if text[:1] == _SLASH and text[1:2] in {"/", "~", "."}:
        text = text[1:]
    looks_like_one = text.casefold().endswith(".gguf") or text[:1] == "~" or "/" in text[1:] or "\\" in text
    return Path(text).expanduser() if looks_like_one else None
