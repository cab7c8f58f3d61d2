"""The persona picker: what it shows of a persona, and what is chosen, edited and begun from it."""

from __future__ import annotations

import asyncio
import shutil
import stat

import pytest
from textual.app import App
from textual.widgets import Input

from chatapp.conversation.persona import Persona
from chatapp.engine.client import EngineDied
from chatapp.personas import Library, shipped_folder
from chatapp.tui import editor
from chatapp.tui.screens.persona_lines import LONGEST_PROMPT, facts
from chatapp.tui.screens.persona_page import PersonaPage
from chatapp.tui.screens.personas import PersonaChoice, PersonaPicker
from chatapp.tui.themes import INK

KANT = """---
name: Kant
description: answers only in imperatives
preset: Precise
sampling: {min-p: 0.1}
stop: ["THE END"]
greeting: Good day, {{user}}.
---
Today is {{weekday}}. Act.
"""


@pytest.fixture
def library(tmp_path):
    yours = tmp_path / "personas"
    yours.mkdir()
    (yours / "kant.md").write_text(KANT)
    (yours / "night-clerk.md").write_text("---\nname: X\nsampling: {temperature: warm}\n---\nhi")
    return Library(shipped_folder(), yours)


class Host(App[None]):
    CSS_PATH = "../../chatapp/tui/styles/personas.tcss"

    def __init__(self, library, current="Tutor", cost=None):
        super().__init__()
        self.picker = PersonaPicker(
            library.list(),
            current=current,
            default="Assistant",
            cost=cost,
            context=8192,
            read_again=library.read_again,
        )
        self.chosen = []

    def on_mount(self):
        self.register_theme(INK)
        self.theme = "ink"
        self.push_screen(self.picker, self.chosen.append)

    @property
    def page(self):
        return self.picker.query_one(PersonaPage)

    def lines(self):
        return ["".join(s.text for s in self.page.render_line(y)).rstrip() for y in range(self.page.size.height)]

    def text(self):
        return "\n".join(self.lines())


async def test_the_list_says_which_is_in_use_which_is_the_default_and_what_is_broken(library):
    app = Host(library)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        text = app.text()
        tutor = next(line for line in app.lines() if line.startswith("    ▎ Tutor"))
        assert tutor[:59].endswith("in use")
        assert "14 shipped, 2 yours" in text
        assert ["tasks" in line.split() for line in app.lines()].count(True) == 1
        assert "default" in next(line for line in app.lines() if "Assistant" in line)
        broken = next(y for y, line in enumerate(app.lines()) if "night-clerk.md" in line)
        assert app.lines()[broken][:59].endswith("broken")
        assert "line 3" in app.lines()[broken + 1]


async def test_the_persona_one_stands_on_is_laid_out_with_its_facts_and_its_cost(library):
    counted = asyncio.Event()

    async def cost(persona):
        await counted.wait()
        return 184

    app = Host(library, "Kant", cost)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        assert "costs" not in app.text()
        counted.set()
        await pilot.pause()
        text = app.text()
        for part in ("Today is {{weekday}}. Act.", "Good day, {{user}}.", "Precise", "min-p 0.10", "“THE END”"):
            assert part in text
        assert "costs       184 tokens of 8,192" in text


async def test_an_engine_that_dies_while_counting_leaves_the_row_out(library):
    async def cost(persona):
        raise EngineDied("gone")

    app = Host(library, cost=cost)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        assert "costs" not in app.text()


async def test_macros_have_a_colour_of_their_own(library):
    app = Host(library, "Kant")
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        spans = [s for y in range(36) for s in app.page.render_line(y) if "{{weekday}}" in s.text]
        assert [s.text for s in spans] == ["{{weekday}}"]


@pytest.mark.parametrize(("key", "how"), [("enter", "new"), ("a", "here")])
async def test_enter_begins_a_session_and_a_applies_it_here(library, key, how):
    app = Host(library)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("down", key)
        await pilot.pause()
        assert app.chosen == [PersonaChoice("Writer", how)]


async def test_a_broken_one_cannot_be_chosen(library):
    app = Host(library)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("end", "enter", "a")
        await pilot.pause()
        assert app.chosen == []
        assert "It cannot be used as it is" in app.text()


async def test_a_second_click_chooses(library):
    app = Host(library)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        row = next(y for y, line in enumerate(app.lines()) if line.startswith("      Writer"))
        await pilot.click(app.page, offset=(10, row))
        assert app.page.here.name == "Writer"
        assert app.chosen == []
        await pilot.double_click(app.page, offset=(10, row))
        await pilot.pause()
        assert app.chosen == [PersonaChoice("Writer", "new")]


async def test_a_name_is_asked_for_before_a_persona_is_made(library):
    app = Host(library)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("n", "e", "n", "enter")
        await pilot.pause()
        assert app.chosen == [PersonaChoice("en", "create")]


async def test_a_name_in_use_is_refused_and_escape_leaves_the_name_first(library):
    app = Host(library)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("n", "k", "a", "n", "t", "enter")
        await pilot.pause()
        assert "There is a kant already." in app.text()
        await pilot.press("escape")
        await pilot.pause()
        assert not app.picker.query(Input)
        await pilot.press("escape")
        await pilot.pause()
        assert app.chosen == [None]


async def test_a_shipped_file_is_not_edited(library):
    app = Host(library)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("e")
        await pilot.pause()
        assert "Tutor ships with chatapp and stays as it is" in app.text()


async def test_an_editor_that_is_not_there_is_said(library, monkeypatch):
    monkeypatch.setenv("VISUAL", "no-such-editor --wait")
    app = Host(library, "Kant")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("e")
        await pilot.pause(0.05)
        assert "There is no editor called ‘no-such-editor’" in app.text()


async def test_the_file_is_read_again_after_it_was_edited(library, monkeypatch, tmp_path):
    script = tmp_path / "ed it.sh"
    script.write_text('#!/bin/sh\nsed -i s/imperatives/riddles/ "$1"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("VISUAL", f"'{script}'")
    app = Host(library, "Kant")
    async with app.run_test(size=(80, 24)) as pilot:
        # A headless terminal cannot be lent, so the editor runs without it.
        monkeypatch.setattr(App, "suspend", lambda self: self.batch_update())
        await pilot.press("e")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "answers only in riddles" in app.text()


async def test_a_terminal_that_cannot_be_lent_is_said(library, monkeypatch):
    monkeypatch.setenv("VISUAL", shutil.which("true"))
    app = Host(library, "Kant")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("e")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "cannot be lent to an editor" in app.text()


async def test_an_editor_that_cannot_start_leaves_a_sentence():
    assert "did not start" in await editor._run(["/no/such/editor"])


async def test_a_long_prompt_is_read_on_by_pages_and_its_end_is_counted(library):
    (library.yours / "long.md").write_text("\n\n".join(f"Paragraph {n}." for n in range(3000)))
    app = Host(library, "long")
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        assert "Paragraph 0." in app.text()
        assert "more lines" in app.text()
        await pilot.press("pagedown")
        assert "Paragraph 0." not in app.text()
        await pilot.press("pageup")
        assert "Paragraph 0." in app.text()
        app.page.read_on(10_000)
        assert f"{len('xx'.join(f'Paragraph {n}.' for n in range(3000))) - LONGEST_PROMPT:,} more" in app.text()


async def test_a_narrow_terminal_has_the_list_alone(library):
    app = Host(library)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "teaches transformers" in app.text()
        assert "preset" not in app.text()


def test_facts_name_what_only_some_personas_have():
    plain = Persona(name="P", template=False, prefill="Dear", examples=({"user": "a", "assistant": "b"},))
    assert ("examples", "1 turn") in facts(plain, None, 0)
    assert ("begins", "“Dear”") in facts(plain, None, 0)
    assert ("sent as", "plain text, without the chat template") in facts(plain, None, 0)
    assert facts(plain, 12, 0)[-1] == ("costs", "12 tokens")


async def test_foreign_text_is_shown_and_never_obeyed(library):
    (library.yours / "evil.md").write_text('---\nname: "[red]\\e]0;x\\a"\ndescription: "[/]"\n---\n\x1b[31mhi')
    app = Host(library, "[red]\x1b]0;x\x07")
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        assert "[red]" in app.text()
        assert "\x1b" not in app.text()
        assert "\x07" not in app.text()
