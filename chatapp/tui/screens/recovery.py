"""The recovery screen: the chats cannot be opened. What happened, what is kept, and what can be done.

Whatever is chosen, the damaged file is set aside and never overwritten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

from rich.style import Style
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from chatapp.home import short_path
from chatapp.store import StoreError
from chatapp.store.backup import Backup, Contents, backups_of, contents_of
from chatapp.store.recovery import Recovered, rescue, restore, start_anew
from chatapp.text import counted, display_line
from chatapp.tui.lines import Line, clip, flow, gap, indent, keys, strip
from chatapp.tui.look import Look, look_of
from chatapp.tui.page import page_geometry

Way = Literal["restore", "rescue", "read", "anew", "quit"]
KEYS = (("↑ ↓", "choose"), ("enter", "do it"), ("ctrl+q", "quit"))
_LABEL = 34


@dataclass(frozen=True)
class Choice:
    """One thing that can be done, and what is to be known about it."""

    way: Way
    label: str
    detail: str


def choices(database: Path, newest: tuple[Backup, Contents] | None) -> list[Choice]:
    """What can be done, the best first."""
    found: list[Choice] = []
    if newest is not None:
        backup, held = newest
        found.append(Choice("restore", f"restore the backup of {backup.day}", str(held)))
    if database.is_file() and database.stat().st_size:
        found.append(Choice("rescue", "rescue what can be read", "page by page, into a new file"))
        found.append(Choice("read", "open it to read only", "nothing is written"))
    return [
        *found,
        Choice("anew", "start anew", "with no sessions"),
        Choice("quit", "quit", "everything stays as it is"),
    ]


def newest_good(database: Path) -> tuple[Backup, Contents] | None:
    """The newest backup that can be read, with what it holds."""
    for backup in backups_of(database):
        try:
            return backup, contents_of(backup.path)
        except StoreError:
            continue
    return None


class RecoveryScreen(Screen[str | None]):
    """Ends with a reason to open the chats for reading only, an empty one to open them whole, or None to quit."""

    DEFAULT_CSS = "RecoveryScreen { background: $background; } RecoveryPage { width: 100%; height: 100%; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "above", show=False, id="recovery.up"),
        Binding("down", "move(1)", "below", show=False, id="recovery.down"),
        Binding("enter", "choose", "do it", show=False, id="recovery.choose"),
    ]

    def __init__(self, database: Path, error: StoreError) -> None:
        super().__init__()
        self._database = database
        self._error = error
        self._newest: tuple[Backup, Contents] | None = None
        # What to do about it is what the screen itself offers.
        happened = str(error).replace(str(database), database.name).partition(". ")[0].rstrip(".")
        self._page = RecoveryPage(f"{happened}.")
        self._done = False

    def compose(self) -> ComposeResult:
        """One widget that draws it all."""
        yield self._page

    @work(group="recovery")
    async def on_mount(self) -> None:
        """Look for the newest good backup, then offer what there is."""
        self._newest = await asyncio.to_thread(newest_good, self._database)
        self._page.offer(choices(self._database, self._newest))

    def action_move(self, step: int) -> None:
        """Stand on the choice above or below."""
        self._page.move(step)

    def action_choose(self) -> None:
        """Do what one stands on; once it is done, go on."""
        if self._done:
            self.dismiss("")
            return
        choice = self._page.here
        if choice is None:
            return
        if choice.way == "quit":
            self.dismiss(None)
        elif choice.way == "read":
            self.dismiss(f"{self._error} It is open to read only.")
        else:
            self._page.say("Working on a copy; the damaged file stays as it is.")
            self._recover(choice.way)

    @work(group="recovery", exclusive=True)
    async def _recover(self, way: Way) -> None:
        try:
            back = await asyncio.to_thread(self._work(way))
        except StoreError as error:
            self._page.say(str(error))
            self._page.offer(choices(self._database, self._newest))
            return
        self._done = True
        self._page.tell(*_result(way, back, self._newest))

    def _work(self, way: Way) -> Callable[[], Recovered]:
        if way == "restore" and self._newest is not None:
            return partial(restore, self._database, self._newest[0].path)
        return partial(rescue if way == "rescue" else start_anew, self._database)


def _result(way: Way, back: Recovered, newest: tuple[Backup, Contents] | None) -> tuple[str, str]:
    """What came back, and where the rest is."""
    said = {"restore": "The backup is back", "rescue": "Rescued", "anew": "A new start"}[way]
    sentence = f"{said}: {back.contents}."
    in_backup = newest[1].messages if way == "rescue" and newest is not None else frozenset()
    if newest is not None and (lacking := len(in_backup - back.contents.messages)):
        sentence += f" {counted(lacking, 'message')} of the backup of {newest[0].day} could not be read here."
    kept = f"The damaged file is kept: {short_path(back.quarantine)}" if back.quarantine else ""
    return sentence, kept


class RecoveryPage(Widget):
    """Draws what happened and what can be done, on the page's own edges."""

    def __init__(self, sentence: str) -> None:
        super().__init__()
        self._sentence = display_line(sentence)
        self._said = "Looking for backups."
        self._result: tuple[str, str] | None = None
        self._choices: list[Choice] = []
        self._at = 0
        self._drawn: tuple[tuple[Look, Size], list[Line]] | None = None

    @property
    def here(self) -> Choice | None:
        """The choice one stands on."""
        return self._choices[self._at] if self._choices else None

    def offer(self, found: Sequence[Choice]) -> None:
        """Show these choices."""
        if not self._choices and self._said == "Looking for backups.":
            self._said = ""
        self._choices = list(found)
        self._at = 0
        self._redraw()

    def move(self, step: int) -> None:
        """Stand on another choice."""
        self._at = max(0, min(len(self._choices) - 1, self._at + step))
        self._redraw()

    def say(self, sentence: str) -> None:
        """What goes on, or what went wrong; meanwhile there is nothing to choose."""
        self._said, self._choices = display_line(sentence), []
        self._redraw()

    def tell(self, sentence: str, kept: str) -> None:
        """What came of it."""
        self._result = display_line(sentence), display_line(kept)
        self._choices = []
        self._redraw()

    def _redraw(self) -> None:
        self._drawn = None
        self.refresh()

    def notify_style_update(self) -> None:
        """The theme may have changed."""
        super().notify_style_update()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the page."""
        look = look_of(self.app)
        key = look, self.size
        if self._drawn is None or self._drawn[0] != key:
            self._drawn = key, self._lines(look)
        lines = self._drawn[1]
        return strip(lines[y] if y < len(lines) else [], self.size.width, look.ground)

    def _lines(self, look: Look) -> list[Line]:
        x, measure = page_geometry(self.size.width)
        cells = measure - 2
        if self._result is not None:
            sentence, kept = self._result
            body: list[Line] = [*flow([(sentence, look.strong)], cells), *flow([(kept, look.text)], cells)]
            body += [[], keys((("enter", "open the chats"),), look.text, look.muted)]
            return [[], [], *indent(body, x + 2)]
        happened = flow([(self._sentence, look.err + Style(bold=True))], cells)
        marked: list[Line] = [[gap(x), ("! ", look.err), *happened[0]], *indent(happened[1:], x + 2)]
        below: list[Line] = [*flow([("It is kept, whatever you choose here.", look.text)], cells), []]
        if self._said:
            below += [*flow([(self._said, look.muted)], cells), []]
        lines = [[], [], *marked, *indent(below, x + 2)]
        for place, choice in enumerate(self._choices):
            lines.append(self._choice(look, x, cells, choice, here=place == self._at))
        if self._choices:
            lines += [[], *indent([keys(KEYS, look.text, look.muted)], x + 2)]
        return lines

    def _choice(self, look: Look, x: int, cells: int, choice: Choice, *, here: bool) -> Line:
        mark = ("› ", look.accent) if here else gap(2)
        label = (f"{choice.label:<{_LABEL}}  ", look.strong if here else look.text)
        return [
            gap(x),
            mark,
            label,
            (clip(choice.detail, cells - len(label[0])), look.muted if here else look.faint),
        ]
