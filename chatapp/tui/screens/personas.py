"""The persona picker: every persona with its prompt, to begin with, to apply here, to edit, or to add to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Input

from chatapp.conversation.persona import Persona
from chatapp.engine.client import EngineDied, EngineError
from chatapp.personas import Listed
from chatapp.text import repair
from chatapp.tui.editor import edit_file
from chatapp.tui.screens.persona_page import PersonaPage
from chatapp.tui.widgets.field import Field

How = Literal["new", "here", "create"]
_FIELD_AT = 6


@dataclass(frozen=True)
class PersonaChoice:
    """A persona for a new session or for this one, or the name of one that is to be made."""

    name: str
    how: How


class PersonaPicker(Screen[PersonaChoice | None]):
    """A page of its own; ends with a choice, or with None."""

    CSS_PATH = "../styles/personas.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "persona above", show=False, id="personas.up"),
        Binding("down", "move(1)", "persona below", show=False, id="personas.down"),
        Binding("home", "move(-100000)", "first", show=False, id="personas.first"),
        Binding("end", "move(100000)", "last", show=False, id="personas.last"),
        Binding("pageup", "read_on(-1)", "read back", show=False, id="personas.read_back"),
        Binding("pagedown,space", "read_on(1)", "read on", show=False, id="personas.read_on"),
        Binding("enter", "choose('new')", "new session", show=False, id="personas.begin"),
        Binding("a", "choose('here')", "apply here", show=False, id="personas.apply"),
        Binding("e", "edit", "edit the file", show=False, id="personas.edit"),
        Binding("n", "name", "new persona", show=False, id="personas.new"),
        Binding("escape,ctrl+g", "leave", "back to the page", show=False, id="personas.leave"),
    ]

    def __init__(
        self,
        listed: Sequence[Listed],
        *,
        current: str,
        default: str,
        cost: Callable[[Persona], Awaitable[int]] | None,
        context: int,
        read_again: Callable[[Listed], Listed],
    ) -> None:
        """Offer these personas.

        Args:
            listed: the personas, the shipped ones first.
            current: the name of the one that the session has.
            default: the name of the one that new sessions take.
            cost: counts a persona's tokens; None where nothing can count.
            context: tokens that the model has room for; 0 where that is not known.
            read_again: reads a file anew, after it was edited.
        """
        super().__init__()
        self._page = PersonaPage(listed, current=current, default=default, context=context)
        self._cost = cost
        self._read_again = read_again

    def compose(self) -> ComposeResult:
        """The page; the field for a name is laid on it when it is wanted."""
        yield self._page

    def on_mount(self) -> None:
        """Count what the persona in use costs."""
        self._count()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """While a name is being typed, only leaving is left of the keys."""
        return not self._page.typing or action == "leave"

    def action_move(self, step: int) -> None:
        """Go up or down the list."""
        self._page.stand_on(self._page.at + step)

    def action_read_on(self, pages: int) -> None:
        """Scroll the prompt."""
        self._page.read_on(pages)

    @on(PersonaPage.Chosen)
    def _chosen(self) -> None:
        self.action_choose("new")

    def action_choose(self, how: How) -> None:
        """Take the persona one stands on."""
        one = self._page.here
        if one is None:
            return
        if one.problem:
            self._page.say("It cannot be used as it is: e opens the file.")
        else:
            self.dismiss(PersonaChoice(one.name, how))

    def action_leave(self) -> None:
        """Go back; out of the name first."""
        if self._page.typing:
            self._end_naming()
        else:
            self.dismiss(None)

    # What it costs ------------------------------------------------------------------------------------------

    @on(PersonaPage.Moved)
    @work(group="cost", exclusive=True)
    async def _count(self) -> None:
        one = self._page.here
        if self._cost is None or one is None or one.persona is None or one.persona.digest in self._page.costs:
            return
        try:
            self._page.costs[one.persona.digest] = await self._cost(one.persona)
        except (EngineError, EngineDied):
            return  # the page behind says so; here the row stays away
        self._page.redraw()

    # Editing ------------------------------------------------------------------------------------------------

    @work(group="edit", exclusive=True)
    async def action_edit(self) -> None:
        """Open the file in the user's editor, and read it again."""
        at, one = self._page.at, self._page.here
        if one is None:
            return
        if one.origin == "shipped":
            self._page.say(f"{one.name} ships with chatapp and stays as it is; n begins one of your own.")
            return
        problem = await edit_file(self.app, one.path)
        self._page.listed[at] = self._read_again(one)
        self._page.stand_on(self._page.at)
        self._page.say(problem)

    # A new one ----------------------------------------------------------------------------------------------

    def action_name(self) -> None:
        """Ask for the name of a new persona."""
        self._page.typing = True
        self._page.say("")
        field = Field("the name of the new persona, enter writes its file")
        field.styles.offset = (_FIELD_AT, self.size.height - 2)
        self.mount(field)
        field.focus()

    def on_resize(self) -> None:
        """The field stays on the line of keys."""
        for field in self.query(Field):
            field.styles.offset = (_FIELD_AT, self.size.height - 2)

    @on(Input.Submitted)
    def _named(self, event: Input.Submitted) -> None:
        event.stop()
        name = " ".join(repair(event.value).split())
        if any(name.casefold() == one.name.casefold() for one in self._page.listed):
            self._page.say(f"There is a {name} already.")
        elif name:
            self.dismiss(PersonaChoice(name, "create"))
        else:
            self._end_naming()

    def _end_naming(self) -> None:
        self._page.typing = False
        self._page.say("")
        self.query(Field).remove()
