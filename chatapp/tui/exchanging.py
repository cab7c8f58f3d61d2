"""Sessions out to files and in from files, from the palette: a format, a path, a preview, and then the work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from chatapp.exchange import Report, export_to, import_file
from chatapp.home import short_path
from chatapp.store import Store
from chatapp.text import counted, display_line
from chatapp.transfer import FORMATS, Format
from chatapp.tui.screens.sheet import Item, Sheet

if TYPE_CHECKING:
    from chatapp.tui.screens.main import MainScreen

TOLD_SECONDS = 1.0
"""Between two words about how far an import is."""
_SUFFIXES = {".json", ".jsonl", ".md"}


def exchange_actions(screen: MainScreen) -> list[tuple[str, Callable[[MainScreen], None]]]:
    """What the palette offers."""
    actions: list[tuple[str, Callable[[MainScreen], None]]] = [("Import sessions from a file", choose_file)]
    if screen.chat.session.uid:
        actions.insert(0, ("Export this session", choose_format))
        if screen.wanted.temporary:
            actions.insert(0, ("Keep this temporary session", keep_temporary))
    return actions


# Out --------------------------------------------------------------------------------------------------------


def choose_format(screen: MainScreen) -> None:
    """Ask for the format of an export."""
    items = [Item("export", form.name, detail=form.purpose, right=form.suffix, value=form) for form in FORMATS]
    screen.app.push_screen(Sheet(items, placeholder="a format", verb="export"), lambda item: _export(screen, item))


def _export(screen: MainScreen, chosen: Item | None) -> None:
    if chosen is not None and isinstance(chosen.value, Format):
        screen.run_worker(_write(screen, chosen.value), group="exchange")


async def _write(screen: MainScreen, form: Format) -> None:
    with screen.page.trouble_told():
        session = await screen.desk.store.session(screen.chat.session.uid, with_traces=True)
        path = await asyncio.to_thread(export_to, screen.home.paths.exports, session, form)
        screen.notify(f"Exported to {display_line(short_path(path))}", markup=False, timeout=8)


def keep_temporary(screen: MainScreen) -> None:
    """Keep a session that was to leave no trace."""
    screen.run_worker(_keep(screen), group="exchange")


async def _keep(screen: MainScreen) -> None:
    with screen.page.trouble_told():
        session = await screen.desk.store.session(screen.chat.session.uid, with_traces=True)
        store = await Store.open(screen.home.paths.database)
        try:
            await store.adopt(session)
        finally:
            await store.close()
        screen.notify(
            "Kept among your sessions, as it is now. What follows is temporary.", markup=False, timeout=6
        )


# In ---------------------------------------------------------------------------------------------------------


def choose_file(screen: MainScreen) -> None:
    """Ask for the file of an import."""
    folder = screen.home.paths.exports
    found = sorted(path for path in folder.glob("*") if path.suffix in _SUFFIXES) if folder.is_dir() else []
    items = [Item("exports", path.name, right="look into it", value=path) for path in found]
    sheet = Sheet(items, placeholder="the path of a file", verb="look into it", free_text=_typed_path)
    screen.app.push_screen(sheet, lambda item: _preview(screen, item))


def _typed_path(text: str) -> Item | None:
    return Item("path", text, detail="look into this file", value=Path(text.strip("'\"")).expanduser())


def _preview(screen: MainScreen, chosen: Item | None) -> None:
    if chosen is not None and isinstance(chosen.value, Path):
        screen.run_worker(_look_into(screen, chosen.value), group="exchange", exclusive=True)


async def _look_into(screen: MainScreen, path: Path) -> None:
    with screen.page.trouble_told():
        report = await import_file(None, path, _Progress(screen, path, "Reading"))
        screen.app.push_screen(
            Sheet(_offered(report), placeholder=display_line(path.name), verb="import"),
            lambda item: _import(screen, path, item),
        )


def _offered(report: Report) -> list[Item]:
    """What would come: the offer, the titles, and what was not understood."""
    many = len(report.titles)
    said = f"{counted(many, 'session')}, {counted(report.messages, 'message')}"
    if report.systems:
        said += f", {report.systems:,} with a system prompt"
    return [
        Item("import", "Import", detail=said, value="import"),
        *(Item("would come", title, value="import") for title in report.titles),
        *(Item("not understood", sentence, problem=True) for sentence in report.warnings),
    ]


def _import(screen: MainScreen, path: Path, chosen: Item | None) -> None:
    if chosen is not None:
        screen.run_worker(_take_in(screen, path), group="exchange")


async def _take_in(screen: MainScreen, path: Path) -> None:
    with screen.page.trouble_told():
        try:
            report = await import_file(screen.desk.store, path, _Progress(screen, path, "Importing"))
        finally:
            screen.show_sessions()
        many = len(report.sessions)
        said = f"{counted(many, 'session')} with {counted(report.messages, 'message')} came in."
        screen.notify(said, markup=False, timeout=6)
        if many == 1:
            await screen.open_session(report.sessions[0])


class _Progress:
    """Says once a second how far it is."""

    def __init__(self, screen: MainScreen, path: Path, word: str) -> None:
        self._screen = screen
        self._word = word
        self._size = path.stat().st_size if path.is_file() else 0
        self._told = time.monotonic()

    def __call__(self, read: int, report: Report) -> None:
        now = time.monotonic()
        if now - self._told >= TOLD_SECONDS and self._size:
            self._told = now
            share = min(1.0, read / self._size)
            said = f"{self._word} … {share:.0%}, {counted(len(report.titles), 'session')}"
            self._screen.notify(said, markup=False, timeout=TOLD_SECONDS)
