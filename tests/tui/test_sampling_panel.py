"""The sampling column: what it shows, what its keys and the mouse wish for, and what it refuses."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual import events
from textual.app import App

from chatapp.conversation.sampling import (
    BALANCED,
    PRESETS,
    RANDOM_SEED,
    SETTINGS,
    SHIPPED,
    Preset,
    Presets,
    resolve,
)
from chatapp.tui.look import look_of
from chatapp.tui.themes import INK, PAPER
from chatapp.tui.widgets.sampling import SamplingPanel
from chatapp.tui.widgets.sampling.lines import draw, range_text, slider_place
from chatapp.tui.widgets.sampling.values import read_value, slid, stepped

TEMPERATURE, TOP_K, TOP_P, MIN_P, REPEAT, MAX_TOKENS, SEED = SETTINGS


class Host(App[None]):
    """An owner as the main screen is one: it keeps the settings, and shows them again after each wish."""

    def __init__(self, preset=BALANCED, persona=None, session=None, context=(1284, 8192), used_seed=None):
        super().__init__()
        self.preset, self.persona, self.session = preset, persona or {}, dict(session or {})
        self.rest = {"context": context, "used_seed": used_seed}
        self.heard = []
        self.presets = SHIPPED

    def compose(self):
        yield SamplingPanel()

    def on_mount(self):
        for theme in (INK, PAPER):
            self.register_theme(theme)
        self.theme = "ink"
        self.panel.focus()
        self.show()

    @property
    def panel(self):
        return self.query_one(SamplingPanel)

    def show(self):
        self.panel.show(resolve(self.preset, self.persona, self.session), **self.rest, presets=self.presets)

    def on_sampling_panel_changed(self, message):
        self.heard.append((message.name, message.value))
        self.session[message.name] = message.value
        self.show()

    def on_sampling_panel_reset(self, message):
        self.heard.append(("reset", message.name))
        self.session.pop(message.name, None)
        self.show()

    def on_sampling_panel_preset_chosen(self, message):
        self.heard.append(("preset", message.name))
        self.preset = SHIPPED.named(message.name)
        self.show()

    def on_sampling_panel_save_as(self, message):
        self.heard.append(("save as", message.name))

    def on_sampling_panel_renamed(self, message):
        self.heard.append(("rename", message.name))

    def on_sampling_panel_neutralise_all(self):
        self.heard.append("all neutral")

    def on_sampling_panel_edit(self, message):
        self.heard.append(("edit", message.name))

    def on_sampling_panel_leave(self):
        self.heard.append("leave")

    def lines(self):
        panel = self.panel
        return [panel.render_line(y).text.rstrip() for y in range(panel.size.height)]

    def saying(self, words):
        return words in " ".join(" ".join(self.lines()).split())

    def line(self, start):
        return next(line for line in self.lines() if line[2:].startswith(start))


@asynccontextmanager
async def running(size=(120, 36), **data):
    app = Host(**data)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield app, pilot


CHANGED = {"persona": {"min_p": 0.1}, "session": {"temperature": 0.65}}


async def test_the_column_is_drawn_as_designed_at_34_cells():
    async with running(**CHANGED) as (app, _):
        assert app.panel.size == (34, 36)
        assert app.lines() == [
            "",
            "  Sampling",
            "",
            "  Balanced  2 changed       ‹ ›",
            "",
            "▎ temperature ━━━●─────    0.65 •",
            "  top-k       ━━●──────      40",
            "  top-p       ━━━━━━━━●    0.95",
            "  min-p       ┿●───────    0.10 ◦",
            "",
            "  repeat      ●────────    1.00",
            "",
            "  max tokens               free",
            "  seed                   random",
            "",
            "  Below 1 sharpens: at 0.65 a",
            "  60/40 choice becomes 65/35.",
            "  • session  Balanced says 0.80",
            "",
            "  More",
            "",
            "  + cut-offs                off",
            "  + repetition              off",
            "  + temperature shape       off",
            "  + mirostat                off",
            "  + constraints            none",
            "  + order of the chain  default",
            *[""] * 7,
            "  ━───────  1,284 / 8,192",
            "",
        ]


async def test_the_column_is_wider_and_has_words_for_the_sources_on_a_wide_terminal():
    async with running(size=(160, 36), preset=SHIPPED.named("Precise"), **CHANGED) as (app, pilot):
        assert app.panel.size.width == 46
        assert app.lines()[5:9] == [
            "▎ temperature ━━┿━●───────    0.65 session",
            "  top-k       ━━●─────────      40 default",
            "  top-p       ━━━━━━━━━━●─    0.90 preset",
            "  min-p       ━●──────────    0.10 persona",
        ]
        await pilot.resize_terminal(120, 36)
        assert app.panel.size.width == 34


async def test_a_low_terminal_has_no_empty_first_line_and_keeps_help_and_meter():
    async with running(size=(80, 24), **CHANGED) as (app, pilot):
        assert app.lines()[0] == "  Sampling"
        assert app.lines()[-2:] == ["  ━───────  1,284 / 8,192", ""]
        assert app.lines()[20] == "  More               6 groups ↓"
        await pilot.press(*["down"] * 6)
        assert "again." in "\n".join(app.lines())


async def test_a_notch_stands_on_a_slider_only_when_its_value_was_changed():
    async with running() as (app, pilot):
        assert not any(notch in line for line in app.lines() for notch in "┼┿")
        await pilot.press("end")
        assert "┿" in app.line("temperature")
        await pilot.press("backspace")
        assert not any(notch in line for line in app.lines() for notch in "┼┿")


async def test_no_context_means_no_meter():
    async with running(context=None) as (app, _):
        assert app.lines()[-2] == ""


async def test_arrows_walk_over_the_settings_and_the_preset_line():
    async with running() as (app, pilot):
        await pilot.press("up", "up")
        assert app.line("Balanced").startswith("▎")
        assert "varied and on topic" in " ".join(app.lines())
        await pilot.press(*["down"] * 7)
        assert app.line("seed").startswith("▎")
        assert sum(line.startswith("▎") for line in app.lines()) == 1


async def test_arrows_turn_by_a_step_and_with_shift_or_ctrl_by_a_big_one():
    async with running() as (app, pilot):
        await pilot.press("right", "left", "shift+right", "shift+left", "ctrl+right", "ctrl+left")
        assert [value for _, value in app.heard] == [0.85, 0.8, 1.05, 0.8, 1.05, 0.8]
        assert {name for name, _ in app.heard} == {"temperature"}


async def test_no_step_is_lost_when_keys_come_faster_than_the_owner_answers():
    async with running() as (app, pilot):
        for _ in range(10):
            app.post_message(events.Key("right", None))
        await pilot.pause(0.05)
        assert app.session["temperature"] == pytest.approx(1.3)
        for _ in range(3):
            app.panel.action_step(-1)
        await pilot.pause()
        assert app.session["temperature"] == pytest.approx(1.15)


async def test_a_slider_stops_at_its_ends():
    async with running() as (app, pilot):
        await pilot.press("end", "right", "home", "left")
        assert app.heard == [("temperature", 2.0), ("temperature", 0.0)]


async def test_typing_sets_the_value_in_place():
    async with running() as (app, pilot):
        await pilot.press("1", ".", "2", "4", "backspace", "5")
        assert app.line("temperature") == "▎ temperature              1.25▏"
        assert app.heard == []
        await pilot.press("enter")
        assert app.heard == [("temperature", 1.25)]
        assert "1.25" in app.line("temperature")


@pytest.mark.parametrize(("typed", "value"), [("0", 0.0), (".5", 0.5), ("0,7", 0.7), ("3", 3.0)])
async def test_any_value_in_the_range_can_be_typed_though_the_slider_ends_before_it(typed, value):
    async with running() as (app, pilot):
        await pilot.press(*typed, "enter")
        assert app.heard == [("temperature", value)]


async def test_escape_leaves_the_typing_first_and_the_panel_then():
    async with running() as (app, pilot):
        await pilot.press("1", "escape")
        assert "0.80" in app.line("temperature")
        assert app.heard == []
        await pilot.press("escape")
        assert app.heard == ["leave"]


@pytest.mark.parametrize("typed", ["7", "-1", "0nan", "1e999", "0x1", "1.2.3", "0<>N"])
async def test_a_refused_value_stays_with_the_range_in_place_of_the_slider(typed):
    async with running() as (app, pilot):
        await pilot.press(*typed, "enter")
        assert app.line("temperature") == f"! temperature 0 to 5{typed:>11}"
        strip = app.panel.render_line(5)
        tone = next(segment.style for segment in strip if segment.text.strip() == typed)
        assert tone.color == look_of(app).err.color
        await pilot.press("enter", "up")
        assert app.line("temperature").startswith("!")
        assert app.panel.has_focus
        assert app.heard == []
        await pilot.press(*["backspace"] * len(typed), "1", "enter")
        assert app.heard == [("temperature", 1.0)]


async def test_enter_opens_a_value_for_whatever_is_typed():
    async with running() as (app, pilot):
        await pilot.press("enter", *"abc")
        assert app.line("temperature").split() == ["▎", "temperature", "abc▏"]
        assert any("0 to 5. enter takes it" in line for line in app.lines())
        await pilot.press("enter")
        assert app.line("temperature").split() == ["!", "temperature", "0", "to", "5", "abc"]
        await pilot.press("escape", "enter", "enter")
        assert app.heard == []
        await pilot.press("enter", *"1.5", "enter")
        assert app.heard == [("temperature", 1.5)]


async def test_not_a_number_is_refused_when_pasted_too():
    async with running() as (app, pilot):
        for pasted in ("nan", "inf", "\x1b[31mred", "[b]1[/b]"):
            app.panel.post_message(events.Paste(pasted))
            await pilot.press("enter")
            assert app.line("temperature").startswith("! temperature 0 to 5")
            assert "\x1b" not in "".join(app.lines())
            await pilot.press("escape")
        assert app.heard == []


async def test_a_range_too_long_for_the_slider_takes_the_label_s_place():
    async with running() as (app, pilot):
        await pilot.press("down", *"1000001", "enter")
        assert "! 0 to 1,000,000        1000001" in app.lines()


async def test_words_stand_for_no_value():
    async with running(session={"max_tokens": 64, "seed": 7, "top_k": 9}) as (app, pilot):
        await pilot.press("down", *"off", "enter")
        await pilot.press(*["down"] * 4, *"free", "enter", "down", *"random", "enter")
        assert app.heard == [("top_k", 0), ("max_tokens", None), ("seed", RANDOM_SEED)]


async def test_going_to_another_row_accepts_what_was_typed():
    async with running() as (app, pilot):
        await pilot.press("1", "down")
        assert app.heard == [("temperature", 1.0)]
        assert app.line("top-k").startswith("▎")


async def test_neutral_values_for_one_setting_and_for_all():
    async with running() as (app, pilot):
        await pilot.press("n", "down", "n", "N")
        assert app.heard == [("temperature", 1.0), ("top_k", 0), "all neutral"]


async def test_backspace_and_delete_reset_only_what_the_session_changed():
    async with running(persona={"min_p": 0.1}, session={"temperature": 0.3, "top_k": 7}) as (app, pilot):
        await pilot.press("backspace", "backspace", "down", "delete", "down", "down", "delete")
        assert app.heard == [("reset", "temperature"), ("reset", "top_k")]
        assert app.line("min-p").endswith("0.10 ◦")


async def test_presets_go_round_from_anywhere_and_with_arrows_on_their_line():
    async with running() as (app, pilot):
        await pilot.press("<", ">", ">")
        await pilot.press("up", "right", "left")
        names = [preset.name for preset in PRESETS]
        assert [name for _, name in app.heard] == [names[-1], names[0], names[1], names[2], names[1]]
        assert app.session == {}


async def test_a_name_is_typed_in_place_and_asked_about_where_it_is_taken():
    async with running() as (app, pilot):
        app.presets = Presets((Preset("Noir", "", {"top_k": 6}),))
        app.show()
        await pilot.press("s", "n", "o", "r", "backspace", "i", "r")
        assert app.lines()[3] == "▎ save as  noir▏"
        await pilot.press("enter")
        assert (app.heard, app.saying("enter again replaces your Noir")) == ([], True)
        await pilot.press("e", "backspace", "enter")
        assert app.heard == [], "a name that was touched is asked about again"
        await pilot.press("enter")
        assert app.heard == [("save as", "noir")]
        await pilot.press("s", *"wild", "enter")
        assert app.saying("Wild ships with the app")
        await pilot.press("escape", "s", "enter", "s", "down")
        assert app.heard == [("save as", "noir")]
        assert app.lines()[3].startswith("  Balanced")


async def test_a_preset_that_changed_or_went_says_so_and_another_name_must_be_free():
    noir = Preset("Noir", "dry", {"top_k": 6})
    async with running(preset=noir) as (app, pilot):
        await pilot.press("up")
        assert app.saying("It is gone from the presets")
        app.presets = Presets((Preset("Noir", "dry", {"top_k": 7}),))
        app.show()
        assert app.saying("It has changed since")
        app.panel.ask_name("rename", "Noir")
        await pilot.press("backspace", "r", "space", "left_square_bracket", "b", "right_square_bracket", "enter")
        assert app.heard == [("rename", "Noir [b]")]
        app.panel.ask_name("rename", "Wild")
        await pilot.press("enter", "enter")
        assert app.saying("There is a Wild already")
        assert len(app.heard) == 1


async def test_open_ended_settings_step_from_their_word_and_back_to_it():
    async with running(used_seed=918204417) as (app, pilot):
        await pilot.press(*["down"] * 5, "right", "right", "left", "left", "end", "left")
        assert [value for _, value in app.heard] == [64, 128, 64, None]
        app.heard.clear()
        await pilot.press("down")
        assert "  → last 918204417" in app.lines()
        await pilot.press("right", "home")
        assert app.heard == [("seed", 918204417), ("seed", RANDOM_SEED)]


async def test_help_belongs_to_the_row_stood_on_and_says_what_was_before():
    async with running(persona={"min_p": 0.1}, session={"min_p": 0.2}) as (app, pilot):
        await pilot.press("down", "down", "down")
        assert "under 16 %" in " ".join(app.lines())
        assert "  • session  persona says 0.10" in app.lines()
        assert "sharpens" not in " ".join(app.lines())


async def test_a_click_or_a_drag_on_a_slider_sets_its_value():
    async with running() as (app, pilot):
        start, cells = slider_place(34, "0.80")
        await pilot.click(SamplingPanel, offset=(start + cells, 7))
        assert app.heard == [("top_p", 1.0)]
        assert app.line("top-p").startswith("▎")
        app.heard.clear()
        await pilot.mouse_down(SamplingPanel, offset=(start, 5))
        await pilot.hover(SamplingPanel, offset=(start + 4, 5))
        await pilot.hover(SamplingPanel, offset=(33, 9))
        await pilot.mouse_up(SamplingPanel, offset=(33, 9))
        await pilot.hover(SamplingPanel, offset=(start, 5))
        assert app.heard == [("temperature", 0.0), ("temperature", 1.0), ("temperature", 2.0)]


async def test_a_click_on_the_knob_itself_changes_nothing():
    async with running(session={"temperature": 0.65}) as (app, pilot):
        await pilot.click(SamplingPanel, offset=(14 + app.line("temperature")[14:].index("●"), 5))
        assert app.heard == []


async def test_the_arrows_of_the_preset_line_can_be_clicked():
    async with running() as (app, pilot):
        await pilot.click(SamplingPanel, offset=(30, 3))
        await pilot.click(SamplingPanel, offset=(28, 3))
        assert [name for _, name in app.heard] == [PRESETS[1].name, PRESETS[0].name]


async def test_the_wheel_turns_only_while_the_panel_has_the_focus():
    async with running() as (app, pilot):
        wheel = {
            "x": 5,
            "y": 5,
            "delta_x": 0,
            "delta_y": 1,
            "button": 0,
            "shift": False,
            "meta": False,
            "ctrl": False,
        }
        app.panel.post_message(events.MouseScrollUp(app.panel, **wheel))
        await pilot.pause()
        app.panel.post_message(events.MouseScrollDown(app.panel, **wheel))
        await pilot.pause()
        assert [value for _, value in app.heard] == [0.85, 0.8]
        app.set_focus(None)
        await pilot.pause()
        app.panel.post_message(events.MouseScrollUp(app.panel, **wheel))
        await pilot.pause()
        assert len(app.heard) == 2


async def test_losing_the_focus_drops_what_was_typed():
    async with running() as (app, pilot):
        await pilot.press("1")
        app.set_focus(None)
        await pilot.pause()
        assert app.line("temperature").endswith("0.80")
        assert app.heard == []


async def test_the_window_losing_the_focus_does_not_lose_what_was_typed():
    async with running() as (app, pilot):
        await pilot.press("1")
        app.post_message(events.AppBlur())
        await pilot.pause()
        app.post_message(events.AppFocus())
        await pilot.pause()
        await pilot.press(".", "5", "enter")
        assert app.heard == [("temperature", 1.5)]


async def test_showing_the_same_again_draws_nothing_and_a_theme_is_taken_at_once(monkeypatch):
    async with running() as (app, pilot):
        drawn = []
        monkeypatch.setattr("chatapp.tui.widgets.sampling.column.draw", lambda *a: drawn.append(1) or draw(*a))
        app.show()
        app.lines()
        assert drawn == []
        app.theme = "paper"
        await pilot.pause()
        assert drawn
        ground = app.panel.render_line(5)._segments[0].style.bgcolor
        assert ground == look_of(app).ground.bgcolor


async def test_typing_survives_news_from_the_owner():
    async with running() as (app, pilot):
        await pilot.press("1", ".")
        app.rest["context"] = (1300, 8192)
        app.show()
        await pilot.press("1", "enter")
        assert app.heard == [("temperature", 1.1)]


SLIDING = st.sampled_from([setting for setting in SETTINGS if setting.slides])


@settings(max_examples=60, deadline=None)
@given(SLIDING, st.floats(0, 1), st.integers(-80, 120), st.sampled_from([34, 46]))
def test_wherever_one_clicks_the_value_lies_on_the_slider(setting, share, x, width):
    value = setting.low + share * (setting.high - setting.low)
    assert setting.low <= slid(setting, value, x, width) <= setting.high


@settings(max_examples=60, deadline=None)
@given(SLIDING, st.floats(0, 1), st.sampled_from([-1, 1]), st.booleans())
def test_steps_stay_on_the_slider_and_lead_the_right_way(setting, share, direction, big):
    value = setting.low + share * (setting.high - setting.low)
    moved = stepped(setting, value, direction, big=big)
    assert setting.low <= moved <= setting.high
    assert (moved - value) * direction >= -1e-6


def test_steps_of_open_ended_settings_stop_at_what_may_be_typed():
    assert stepped(MAX_TOKENS, 1_000_000, 1, big=True) == 1_000_000
    assert stepped(SEED, 2**63 - 1, 1) == 2**63 - 1
    assert stepped(SEED, 7, -1, big=True) == RANDOM_SEED


def test_a_value_typed_past_the_slider_comes_back_by_steps():
    assert stepped(TEMPERATURE, 3.0, 1) == 3.0
    assert stepped(TEMPERATURE, 3.0, -1) == 2.95


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(SETTINGS), st.text(max_size=12))
def test_whatever_is_typed_is_read_or_refused(setting, text):
    try:
        value = read_value(setting, text)
    except ValueError:
        return
    assert value is None or value == value  # noqa: PLR0124  not NaN


def test_ranges_are_short_and_true():
    assert [range_text(setting.name) for setting in SETTINGS] == [
        "0 to 5",
        "0 to 1,000,000",
        "0 to 1",
        "0 to 1",
        "0.5 to 3",
        "1 to 1,000,000",
        "-1 to 2^63-1",
    ]


def test_a_comma_is_a_decimal_point_or_divides_thousands():
    assert read_value(TEMPERATURE, "0,65") == 0.65
    assert read_value(MAX_TOKENS, "1,284") == 1284


async def test_a_family_unfolds_turns_and_folds_again():
    async with running() as (app, pilot):
        await pilot.press(*["down"] * 7, "enter")
        assert app.line("- cut-offs").startswith("▎")
        await pilot.press("down", "left", "end")
        assert app.heard == [("typical_p", 0.99), ("typical_p", 1.0)]
        await pilot.press("down", "right")
        assert app.session["top_n_sigma"] == 0.1
        assert "logits more than" in " ".join(app.lines()) or "spread" in " ".join(app.lines())
        await pilot.press("up", "up", "enter")
        assert "2 changed" in app.line("+ cut-offs")


async def test_what_is_overridden_says_by_what():
    async with running(session={"mirostat": 2}) as (app, pilot):
        await pilot.press("down")
        assert "idle: mirostat" in "\n".join(app.lines())
        await pilot.press("up")
        assert "idle" not in "\n".join(app.lines())


async def test_on_a_low_terminal_the_column_scrolls_to_where_one_stands():
    async with running(size=(80, 24)) as (app, pilot):
        app.panel.stand_on("dry_breakers")
        await pilot.pause()
        assert app.line("DRY breakers").startswith("▎")
        assert "enter edits" in " ".join(app.lines())
        assert app.lines()[-2:] == ["  ━───────  1,284 / 8,192", ""]


async def test_a_text_is_edited_by_its_owner():
    async with running() as (app, pilot):
        app.panel.stand_on("grammar")
        await pilot.press("enter")
        await pilot.pause()
        assert app.heard == [("edit", "grammar")]
