"""A transcript alone in an app of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot

from chatapp.tui.look import Look
from chatapp.tui.themes import HOUSE_THEMES
from chatapp.tui.widgets.transcript import Transcript


class PageApp(App[None]):
    """Shows one transcript and remembers what it says."""

    CSS = "Transcript { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.said: list[Message] = []

    def compose(self) -> ComposeResult:
        yield Transcript()

    def on_mount(self) -> None:
        for theme in HOUSE_THEMES:
            self.register_theme(theme)
        self.theme = "ink"

    @property
    def page(self) -> Transcript:
        return self.query_one(Transcript)

    def lines(self) -> list[str]:
        """What stands on the page, line by line."""
        size = self.page.size
        return [strip.text.rstrip() for strip in self.page.render_lines(size.region)]

    def last(self, kind: type[Message]) -> Message:
        return next(message for message in reversed(self.said) if isinstance(message, kind))


OpenPage = Callable[..., AbstractAsyncContextManager[tuple[PageApp, Pilot[None]]]]


@pytest.fixture
def open_page() -> OpenPage:
    """Opens an app with a transcript in it."""

    @asynccontextmanager
    async def open_(width: int = 80, height: int = 24) -> AsyncIterator[tuple[PageApp, Pilot[None]]]:
        app = PageApp()
        async with app.run_test(size=(width, height), message_hook=app.said.append) as pilot:
            await pilot.pause()
            yield app, pilot

    return open_


@pytest.fixture(scope="session")
def look() -> Look:
    return Look(App())
