"""The screen shows what Textual's own compositor would show, and a change costs only the widget that changed."""

from __future__ import annotations

import pytest
from textual._compositor import Compositor
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from chatapp.tui.compositor import FrugalCompositor


class Counted(Widget):
    """Counts how often it is asked for lines."""

    asked = 0

    def render_lines(self, crop: Region) -> list[Strip]:
        self.asked += 1
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        return Strip.blank(self.size.width) if y % 2 else super().render_line(y)

    def render(self) -> str:
        return f"{self.id} " * 400


class Columns(Screen[None]):
    """Two columns; the left one is two widgets high, and a box lies over both."""

    CSS = """
    Columns { layers: below above; }
    #over { layer: above; width: 12; height: 4; offset: 14 3; }
    #left { width: 20; }
    #top { height: 5; margin: 1; }
    """

    def __init__(self, compositor: Compositor) -> None:
        super().__init__()
        self._compositor = compositor

    def compose(self) -> ComposeResult:
        with Horizontal():
            with Vertical(id="left"):
                yield Counted(id="top")
                yield Counted(id="bottom")
            yield Counted(id="right")
        yield Counted(id="over")


def lines(screen: Columns) -> list[str]:
    """What the screen shows."""
    return [strip.text for strip in screen._compositor.render_strips()]


async def test_the_whole_screen_is_as_textual_composes_it() -> None:
    shown = []
    for compositor in (Compositor(), FrugalCompositor()):
        app: App[None] = App()
        async with app.run_test(size=(40, 16)) as pilot:
            screen = Columns(compositor)
            await app.push_screen(screen)
            await pilot.pause()
            shown.append(lines(screen))
    assert shown[0] == shown[1]
    assert any("over" in line for line in shown[0])


@pytest.mark.parametrize("changed", ["top", "bottom", "over"])
async def test_a_change_asks_only_the_widgets_that_can_be_seen_in_it(changed: str) -> None:
    app: App[None] = App()
    async with app.run_test(size=(40, 16)) as pilot:
        screen = Columns(FrugalCompositor())
        await app.push_screen(screen)
        await pilot.pause()
        widgets = {str(widget.id): widget for widget in screen.query(Counted)}
        for widget in widgets.values():
            widget.asked = 0
        widgets[changed].refresh(Region(0, 0, 3, 1))
        await pilot.pause(0.1)
        assert [name for name, widget in widgets.items() if widget.asked] == [changed]
