"""Settings that are texts: edited in a sheet, taken when they are right, kept when they are not."""

from __future__ import annotations

from textual.app import App
from textual.widgets import Static, TextArea

from chatapp.conversation.sampling import control_named
from chatapp.tui.screens.setting_text import SettingText


class Host(App[None]):
    """Edits one setting, and keeps what came of it."""

    def __init__(self, name, value):
        super().__init__()
        self.setting, self.value, self.answers = control_named(name), value, []

    def on_mount(self):
        self.push_screen(SettingText(self.setting, self.value), self.answers.append)


async def test_strings_are_edited_one_to_a_line():
    app = Host("stop", ("a\n", "b"))
    async with app.run_test() as pilot:
        area = app.screen.query_one(TextArea)
        assert area.text == "a\\n\nb"
        area.text = "x\\n\n\n[red]"
        await pilot.press("ctrl+s")
    assert app.answers == [(("x\n", "[red]"),)]


async def test_a_broken_grammar_stays_with_what_is_wrong_with_it():
    app = Host("grammar", "")
    async with app.run_test() as pilot:
        app.screen.query_one(TextArea).text = "root ::= [red]\nx ::= ("
        await pilot.press("ctrl+s")
        assert "line 2, column 7" in str(app.screen.query_one("#verdict", Static).render())
        await pilot.press("escape")
    assert app.answers == [None]


async def test_biases_and_the_chain_are_read_as_they_are_written():
    for name, text, value in (
        ("logit_bias", '12 = -3\n"sea" = 4.5', ((12, -3.0), ("sea", 4.5))),
        (
            "chain",
            "min-p\ntop_k",
            ("min_p", "top_k", "penalties", "dry", "top_n_sigma", "typical_p", "top_p", "xtc"),
        ),
    ):
        app = Host(name, control_named(name).neutral)
        async with app.run_test() as pilot:
            app.screen.query_one(TextArea).text = text
            await pilot.press("ctrl+s")
        assert app.answers[0][0][: len(value)] == value
