"""Every key of the app, from the bindings themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.screen import Screen

from chatapp.home import short_path
from chatapp.tui.lens_page import LensPage
from chatapp.tui.page_view import PageView
from chatapp.tui.screens.agenda import AgendaScreen
from chatapp.tui.screens.cut_view import CutView
from chatapp.tui.screens.keys import KeysScreen, groups_from
from chatapp.tui.screens.memory import MemoryScreen
from chatapp.tui.screens.step_view import StepView
from chatapp.tui.screens.ways import WaysScreen
from chatapp.tui.widgets.lens_bar import LensBar
from chatapp.tui.widgets.sampling import SamplingPanel
from chatapp.tui.widgets.sessions import SessionList
from chatapp.tui.widgets.step_bar import StepBar
from chatapp.tui.widgets.transcript.branching import BranchingView
from chatapp.tui.widgets.transcript.finding import FindingView
from chatapp.tui.widgets.transcript.reading import ReadingView
from chatapp.tui.widgets.writing_area import WritingArea

if TYPE_CHECKING:
    from chatapp.tui.screens.main import MainScreen


def key_areas(app: type, screen: type) -> dict[str, list[type]]:
    """The classes whose keys work in each area."""
    return {
        "anywhere": [app, *screen_classes(screen), PageView, LensPage],
        "composer": [WritingArea],
        "page": [ReadingView, BranchingView, FindingView],
        "several replies": [WaysScreen],
        "lens": [LensBar],
        "sampling": [SamplingPanel],
        "sessions": [SessionList],
        "cut view": [CutView, StepView],
        "step by step": [StepBar],
        "agenda": [AgendaScreen],
        "memory": [MemoryScreen],
    }


def screen_classes(screen: type) -> list[type[Screen[None]]]:
    """The classes of ours that a screen is made of, each with bindings of its own."""
    return [
        cls for cls in screen.__mro__ if issubclass(cls, Screen) and "BINDINGS" in vars(cls) and cls is not Screen
    ]


def show_keys(screen: MainScreen) -> None:
    """Every key, from the bindings themselves, and the model that they steer."""
    info = screen.desk.engine.info
    notes = [f"model  {info.name} {info.quantisation}, {short_path(Path(info.path))}"] if info else []
    groups = groups_from(key_areas(type(screen.app), type(screen)), screen.home.settings.keys)
    screen.app.push_screen(KeysScreen(groups, notes))
