"""`make shots`: pictures of the screens, in three sizes and two themes, into docs/shots/.

The app is the real one, on a store made for the occasion. An engine that says a given text stands in for the
model, so that a picture can be taken in the middle of a reply.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from textual.pilot import Pilot

from chatapp.config import Settings
from chatapp.engine.client import Engine
from chatapp.home import Home
from chatapp.paths import Paths
from chatapp.store.backup import ASKED, back_up
from chatapp.tui import desk
from chatapp.tui.app import ChatApp
from chatapp.tui.screens.cut_view import CutView
from chatapp.tui.screens.main import MainScreen
from chatapp.tui.start import Start
from scripts import demo
from scripts.picture import take

FOLDER = Path(__file__).parent.parent / "docs" / "shots"
PACE = 31.4
LETTER = (
    "City Housing Office\nReference CH-7781\n\nDear Mr Olsen, the rent of your flat rises to 640 euros from 1 May."
    " Please sign the form and send it back by 20 March.\nA. Berg"
)
Act = Callable[[ChatApp, Pilot[None]], Awaitable[None]]


@dataclass(frozen=True)
class Shot:
    """One picture: its size and theme, and what is done before it is taken."""

    name: str
    size: tuple[int, int]
    act: Act
    theme: str = "ink"
    empty: bool = False
    thinks: bool = False
    """With the real model, in place of the one that says a given text."""
    planned: bool = False
    """Whether there are reminders, some of them due."""
    harmed: bool = False
    """Whether the file of the chats is damaged, after a backup."""


async def _write(app: ChatApp, pilot: Pilot[None]) -> None:
    """Ask for the last answer again, and wait until half of it is there."""
    await _settle(app, pilot)
    await pilot.press("ctrl+r")
    await pilot.pause(1.3)


async def _settle(app: ChatApp, pilot: Pilot[None]) -> None:
    for _ in range(100):
        await pilot.pause(0.05)
        if isinstance(app.screen, MainScreen) and app.screen.desk.model.ready:
            break
    await pilot.pause(0.3)


async def _pause(_app: ChatApp, pilot: Pilot[None]) -> None:
    await pilot.pause(2)


async def _crash(app: ChatApp, pilot: Pilot[None]) -> None:
    """Kill the engine in the middle of the reply."""
    await _write(app, pilot)
    assert isinstance(app.screen, MainScreen)  # noqa: S101
    os.kill(app.screen.desk.engine.pid or 0, signal.SIGKILL)
    await pilot.pause(0.6)


async def _tabulate(app: ChatApp, pilot: Pilot[None]) -> None:
    """The real model fills in the form of a letter."""
    await _settle(app, pilot)
    main = app.screen
    assert isinstance(main, MainScreen)  # noqa: S101
    await main.begin("Letter")
    main.desk.turns.submit(main.chat, LETTER)
    await _until(pilot, lambda: len(main.chat.session.tree) > 1 and not main.desk.turns.busy)
    await pilot.pause(0.3)


async def _leave_out(app: ChatApp, pilot: Pilot[None]) -> None:
    """Two turns leave the context window, and a message is pinned."""
    await _settle(app, pilot)
    assert isinstance(app.screen, MainScreen)  # noqa: S101
    chat, page = app.screen.chat, app.screen.page
    path = chat.session.tree.path()
    await chat.room.cut(path[3])
    await chat.room.pin(path[4].id, pinned=True)
    page.show_path()
    await pilot.pause(0.3)
    page.transcript.go_to((4, 0))
    await pilot.pause(0.3)


async def _several(app: ChatApp, pilot: Pilot[None]) -> None:
    """Four replies to the last question, the second one looked at, two still being written."""
    await _settle(app, pilot)
    await pilot.press("f6", "enter")
    await pilot.pause(0.8)
    await pilot.press("right")
    await pilot.pause(0.3)


def _command(text: str, *keys: str) -> Act:
    async def act(app: ChatApp, pilot: Pilot[None]) -> None:
        await _settle(app, pilot)
        assert isinstance(app.screen, MainScreen)  # noqa: S101
        app.screen.page.composer.insert(text)
        await pilot.press(*keys)
        await pilot.pause(0.6)

    return act


async def _offer(app: ChatApp, pilot: Pilot[None]) -> None:
    """Attach a file, and begin the name of another."""
    await _settle(app, pilot)
    assert isinstance(app.screen, MainScreen)  # noqa: S101
    composer = app.screen.page.composer
    composer.insert("Which of these promises are kept by @docs/files")
    await pilot.pause(0.8)
    await pilot.press("tab")
    await pilot.pause(1.5)
    composer.insert(" and @relia")
    await pilot.pause(0.8)


async def _overflow(app: ChatApp, pilot: Pilot[None]) -> None:
    """Attach a file that is too long."""
    await _settle(app, pilot)
    assert isinstance(app.screen, MainScreen)  # noqa: S101
    app.screen.page.composer.insert("Who kept the lighthouse?")
    story = app.screen.home.paths.data / "story.txt"
    story.write_text("The lamp was lit again, and the boats came home before the rain.\n" * 2000)
    app.screen.page.attach(story)
    await pilot.pause(3)


async def _by_parts(app: ChatApp, pilot: Pilot[None]) -> None:
    """Have a file read by parts, and wait until some are done."""
    await _overflow(app, pilot)
    await pilot.press("down", "down", "enter")
    await pilot.pause(1)
    await pilot.press("enter")
    assert isinstance(app.screen, MainScreen)  # noqa: S101
    chat = app.screen.chat
    for _ in range(600):
        await pilot.pause(0.1)
        made = chat.streaming.provenance.by_parts if chat.streaming else None
        if made is not None and made.done > 1:
            break
    await pilot.pause(3)


async def _parts(app: ChatApp, pilot: Pilot[None]) -> None:
    """Look at what came of the parts so far."""
    await _by_parts(app, pilot)
    await pilot.press("shift+up", "o")
    await pilot.pause(0.4)


async def _cite(app: ChatApp, pilot: Pilot[None]) -> None:
    """Ask about a file, and open what the reply cites."""
    await _settle(app, pilot)
    assert isinstance(app.screen, MainScreen)  # noqa: S101
    page = app.screen.page
    page.composer.insert("How large may a file be? @docs/files")
    await pilot.pause(0.8)
    await pilot.press("tab")
    await pilot.pause(1)
    await pilot.press("enter")
    await pilot.pause(1.5)
    await pilot.press("escape")
    await pilot.pause(0.5)
    tip = page.chat.session.tree.path()[-1]
    tip.text = (
        "64 MB, and 16 million characters for its text [files.md:15]. Encrypted ones are refused [files.md:18]."
    )
    page.show_path()
    await pilot.press("shift+up")
    await pilot.pause(0.3)


async def _sources(app: ChatApp, pilot: Pilot[None]) -> None:
    """Look at the places that it cites."""
    await _cite(app, pilot)
    await pilot.press("o")
    await pilot.pause(0.4)


async def _passage(app: ChatApp, pilot: Pilot[None]) -> None:
    """Read on from there."""
    await _sources(app, pilot)
    await pilot.press("enter")
    await pilot.pause(0.4)


def _press(*keys: str) -> Act:
    async def act(app: ChatApp, pilot: Pilot[None]) -> None:
        await _settle(app, pilot)
        await pilot.press(*keys)
        await pilot.pause(0.4)

    return act


async def _asked(app: ChatApp, pilot: Pilot[None], question: str, **settings: object) -> MainScreen:
    """The page with a reply of the real model."""
    await _settle(app, pilot)
    main = app.screen
    assert isinstance(main, MainScreen)  # noqa: S101
    await main.tune({"seed": 7, "temperature": 0.65, "min_p": 0.05, "top_p": 0.95, **settings})
    main.desk.turns.submit(main.chat, question)
    await _until(pilot, lambda: len(main.chat.session.tree) > 1 and not main.desk.turns.busy)
    return main


def _cut(*keys: str, steps: str = "") -> Act:
    """A short reply of the real model, and how the token after it is decided: after these keys, and steps."""

    async def act(app: ChatApp, pilot: Pilot[None]) -> None:
        await _asked(app, pilot, "Finish this sentence: the best thing about the sea is the", max_tokens=8)
        await pilot.press("f4")
        await _until(pilot, lambda: isinstance(app.screen, CutView) and app.screen.body.view is not None)
        for key in (*keys, *steps.split()):
            await pilot.press(key)
            await pilot.pause(0.5)

    return act


def _lens(*keys: str) -> Act:
    """A reply of the real model, coloured by surprise, at one of its surprises."""

    async def act(app: ChatApp, pilot: Pilot[None]) -> None:
        question = "Describe rain in the city in two short paragraphs. No clichés."
        main = await _asked(app, pilot, question, temperature=0.95, min_p=0.02, seed=11, max_tokens=110)
        await pilot.press("f5")
        await _until(pilot, lambda: main.page.reading is not None)
        await pilot.pause(0.3)
        await pilot.press(*keys)
        await pilot.pause(0.5)
        await _until(pilot, lambda: not main.desk.turns.busy)
        await pilot.pause(1)

    return act


async def _until(pilot: Pilot[None], true: Callable[[], bool]) -> None:
    for _ in range(600):
        if true():
            break
        await pilot.pause(0.05)


SIZES = ((80, 24), (120, 36), (200, 60))
STEPS = "3 enter enter 2 enter"
THIRD = ("n", "n", "3")
"""The third-best token in the place of a surprise."""
SHOTS = [
    Shot("main-120x36", (120, 36), _write),
    Shot("main-80x24", (80, 24), _write),
    Shot("recovery-120x36", (120, 36), _pause, harmed=True),
    Shot("recovery-80x24", (80, 24), _pause, harmed=True),
    Shot("main-200x60", (200, 60), _write),
    Shot("main-light-120x36", (120, 36), _write, "paper"),
    Shot("main-light-80x24", (80, 24), _write, "paper"),
    Shot("main-light-200x60", (200, 60), _write, "paper"),
    Shot("welcome-120x36", (120, 36), _press(), empty=True),
    Shot("welcome-80x24", (80, 24), _press(), empty=True),
    Shot("personas-120x36", (120, 36), _press("ctrl+g")),
    Shot("palette-120x36", (120, 36), _press("ctrl+p", *"min-p")),
    *(Shot(f"search-{x}x{y}", (x, y), _press("ctrl+f", *"min-p")) for x, y in SIZES),
    *(Shot(f"found-{x}x{y}", (x, y), _press("ctrl+f", *"top-p", "enter")) for x, y in SIZES),
    Shot("tags-120x36", (120, 36), _press("ctrl+l", "down", "t")),
    Shot("tagged-120x36", (120, 36), _press("ctrl+l", "down", "f", *["down"] * 3, "enter")),
    Shot("models-120x36", (120, 36), _press("ctrl+o", *["down"] * 3)),
    Shot("models-80x24", (80, 24), _press("ctrl+o")),
    Shot("models-200x60", (200, 60), _press("ctrl+o", *["down"] * 5)),
    Shot("keys-120x36", (120, 36), _press("f1")),
    Shot("drawer-80x24", (80, 24), _press("ctrl+t")),
    Shot("error-120x36", (120, 36), _crash),
    Shot("message-120x36", (120, 36), _press("shift+up")),
    Shot("window-120x36", (120, 36), _leave_out),
    Shot("window-80x24", (80, 24), _leave_out),
    Shot("inspector-120x36", (120, 36), _press("f8")),
    Shot("inspector-80x24", (80, 24), _press("f8", "b")),
    Shot("inspector-200x60", (200, 60), _press("f8")),
    *(Shot(f"ways-{x}x{y}", (x, y), _several) for x, y in SIZES),
    Shot("ways-light-120x36", (120, 36), _several, "paper"),
    Shot("ways-start-80x24", (80, 24), _press("f6")),
    *(Shot(f"branches-{x}x{y}", (x, y), _press("f7")) for x, y in SIZES),
    *(Shot(f"compare-{x}x{y}", (x, y), _press("f7", *["up"] * 6, "d")) for x, y in SIZES),
    *(Shot(f"details-{x}x{y}", (x, y), _press("shift+up", "d")) for x, y in SIZES),
    *(
        Shot(f"cut-{x}x{y}", (x, y), _cut("left", "down", "down"), empty=True, thinks=True)
        for x, y in ((80, 24), (120, 36), (120, 44), (200, 60))
    ),
    Shot("cut-light-120x44", (120, 44), _cut("left", "down", "down"), "paper", empty=True, thinks=True),
    Shot("cut-hot-120x44", (120, 44), _cut(*["pageup"] * 4), empty=True, thinks=True),
    Shot("cut-cold-120x44", (120, 44), _cut(*["pagedown"] * 2), empty=True, thinks=True),
    *(
        Shot(f"steps-{x}x{y}", (x, y), _cut("s", steps=STEPS), empty=True, thinks=True)
        for x, y in ((80, 24), (120, 44), (200, 60))
    ),
    Shot("steps-light-120x44", (120, 44), _cut("s", steps=STEPS), "paper", empty=True, thinks=True),
    *(Shot(f"lens-{x}x{y}", (x, y), _lens(*THIRD), empty=True, thinks=True) for x, y in SIZES),
    Shot("lens-light-120x36", (120, 36), _lens(*THIRD), "paper", empty=True, thinks=True),
    Shot("lens-fork-120x36", (120, 36), _lens(*THIRD, "enter"), empty=True, thinks=True),
    *(
        Shot(f"{name}-{x}x{y}", (x, y), act)
        for name, act in (
            ("files", _offer),
            ("overflow", _overflow),
            ("by-parts", _by_parts),
            ("parts-read", _parts),
            ("cited", _cite),
            ("sources", _sources),
            ("passage", _passage),
        )
        for x, y in SIZES
    ),
    *(Shot(f"table-{x}x{y}", (x, y), _tabulate, empty=True, thinks=True) for x, y in SIZES),
    Shot("copied-80x24", (80, 24), _press("shift+up", "c")),
    *(
        Shot(f"{name}-{width}x{height}", (width, height), act, planned=True)
        for name, act in (
            ("agenda", _press("f9")),
            ("preview", _command("/remind every first Monday at 9 pay the rent", "enter")),
            ("due", _command("/re")),
            ("changing", _press("f9", "e", *"every first Friday at 17:30")),
        )
        for width, height in ((80, 24), (120, 36), (200, 60))
    ),
    Shot("agenda-light-120x36", (120, 36), _press("f9"), "paper", planned=True),
]


async def _take(shot: Shot) -> None:
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "reply.md"
        text.write_text(demo.LAST_REPLY, "utf-8")
        command = [sys.executable, "-m", "benchmarks.metronome", str(text), str(PACE)]
        vars(desk)["Engine"] = Engine if shot.thinks else partial(Engine, command=command)
        home = Home.open(Paths.default(folder))
        os.environ["HOME"] = folder  # other programs' models lie under it
        demo.build_models(home.paths.data, Path(folder))
        Settings(theme=shot.theme, notifications=False).save(home.paths.settings)
        persona = home.persona("Tutor", "SmolLM2 135M Instruct")
        uid = demo.build(home.paths.database, persona, planned=shot.planned)
        if shot.harmed:
            back_up(home.paths.database, ASKED)
            home.paths.database.write_bytes(b"\xff" * 4096 + home.paths.database.read_bytes()[4096:])
        app = ChatApp(home.paths, Start() if shot.empty else Start(session=uid))
        async with app.run_test(size=shot.size, notifications=True) as pilot:
            await shot.act(app, pilot)
            take(app, FOLDER / f"{shot.name}.png")
            await app.action_leave()
    print(shot.name)


def main() -> None:
    """Take those pictures whose names contain one of the arguments, or all."""
    wanted = sys.argv[1:]
    for shot in SHOTS:
        if not wanted or any(name in shot.name for name in wanted):
            asyncio.run(_take(shot))


if __name__ == "__main__":
    main()
