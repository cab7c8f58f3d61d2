"""Files from the composer: found by `@`, shown, taken off, sent, cited; real home and store, a paced engine."""

from __future__ import annotations

import pytest
from test_main_screen import REPLY, home, open_app  # noqa: F401  fixtures
from textual.widgets import TextArea

from chatapp.conversation.attachment import Given
from chatapp.conversation.message import Status
from chatapp.tui.screens.passage import PassageScreen
from chatapp.tui.screens.sheet import Sheet
from chatapp.tui.screens.sources import SourcesScreen
from chatapp.tui.widgets.file_lines import AttachedLines, OfferLines
from chatapp.tui.widgets.parts_lines import PartsLines


@pytest.fixture
def folder(tmp_path, monkeypatch):
    there = tmp_path / "work"
    (there / "letters").mkdir(parents=True)
    (there / "letters" / "my rent.txt").write_text("Dear Ms Brown,\nthe rent is 850 euros.\n")
    (there / "notes.md").write_text("# Notes\n")
    (there / "long.txt").write_text("".join(f"line {n} about a boat on the sea\n" for n in range(20_000)))
    monkeypatch.chdir(there)
    return there


def shown(person, kind):
    widget = person.screen.query_one(kind)
    return "\n".join(widget.render_line(y).text.strip() for y in range(widget.size.height)).strip()


async def attach(person, typed):
    await person.type(typed)
    await person.until(lambda: shown(person, OfferLines))
    await person.press("tab")
    await person.until(lambda: shown(person, AttachedLines))


async def test_a_file_is_found_by_its_letters_shown_with_its_size_and_sent(open_app, folder):  # noqa: F811
    async with open_app() as person:
        await person.type("compare with @")
        await person.until(lambda: "notes.md" in shown(person, OfferLines))
        await person.type("rent")
        await person.until(lambda: shown(person, OfferLines).startswith("▎ letters/my rent.txt"))
        await person.press("tab")
        await person.until(lambda: "my rent.txt   0.0 KB" in shown(person, AttachedLines))
        assert (person.draft, shown(person, OfferLines)) == ("compare with my rent.txt", "")
        await person.until(lambda: "tokens" in shown(person, AttachedLines))
        await person.press("enter")
        await person.until(lambda: person.idle)
        asked = person.chat.session.tree.path()[0]
        assert [file.name for file in asked.files] == ["my rent.txt"]
        assert (person.chat.files, shown(person, AttachedLines)) == ([], "")
        kept = await person.desk.store.session(person.chat.session.uid)
        assert "850 euros" in kept.tree.path()[0].files[0].document.text


async def test_keys_choose_among_files_and_take_one_off(open_app, folder):  # noqa: F811
    async with open_app() as person:
        await person.type("@no")
        await person.until(lambda: shown(person, OfferLines))
        await person.press("backspace", "backspace")
        await person.until(lambda: shown(person, OfferLines).count("\n") == 2)
        await person.press("down", "down", "up", "down", "tab")
        await person.until(lambda: shown(person, AttachedLines))
        (file,) = person.chat.files
        assert file.name == "my rent.txt"
        await person.press("home", "backspace")
        await person.until(lambda: not shown(person, AttachedLines))
        assert (person.draft, person.chat.files) == ("my rent.txt", [])


async def test_a_pasted_path_attaches_and_a_path_that_leads_nowhere_is_text(open_app, folder):  # noqa: F811
    async with open_app() as person:
        await person.type(f"'{folder / 'letters' / 'my rent.txt'}'")
        await person.until(lambda: shown(person, AttachedLines))
        assert person.draft == ""
        await person.press("enter")
        assert len(person.chat.session.tree) == 0  # there is nothing to ask yet
        await person.type("/no/such/file")
        await person.until(lambda: person.draft == "/no/such/file")


async def test_a_file_that_does_not_fit_is_given_as_one_chooses_with_numbers(open_app, folder):  # noqa: F811
    async with open_app() as person:
        await person.type("Where is line 777? @long")
        await person.until(lambda: shown(person, OfferLines))
        await person.press("tab")
        await person.until(lambda: isinstance(person.app.screen, Sheet))
        await person.press("enter")
        await person.until(lambda: person.chat.files and person.chat.files[0].given is Given.PASSAGES)
        await person.until(lambda: "passages" in shown(person, AttachedLines))
        (file,) = person.chat.files
        assert "line 777 " in "".join(file.document.text[start:end] for start, end in file.stretches)


async def test_a_file_is_read_by_parts_stopped_gone_on_with_and_each_part_can_be_opened(open_app, folder):  # noqa: F811
    text = "".join(f"line {n} about a boat on the sea and in the harbour\n" for n in range(2_500))
    (folder / "log.txt").write_text(text)
    async with open_app() as person:
        await person.type("What is it about? @log")
        await person.until(lambda: shown(person, OfferLines))
        await person.press("tab")
        await person.until(lambda: isinstance(person.app.screen, Sheet))
        await person.press("down", "down")
        chosen = person.app.screen._finder.row
        assert (chosen.item.title, chosen.item.right) == ("all of it, by parts", "about 4 parts")
        await person.press("enter")
        await person.until(lambda: "all of it, part by part" in shown(person, AttachedLines))
        with person.engine_held():
            await person.press("enter")
            await person.until(lambda: "part 1 of 4" in shown(person, PartsLines))
            lines = shown(person, PartsLines)
            assert "log.txt  by parts" in lines
            assert "lines 1–" in lines
            assert "word0" in lines
            await person.press("escape")
            await person.until(lambda: person.idle)
        assert shown(person, PartsLines) == ""
        stopped = person.chat.session.tree.tip()
        assert (stopped.text, stopped.status) == ("", Status.STOPPED)
        await person.press("enter")
        await person.until(lambda: person.idle and person.chat.session.tree.tip() is not stopped)
        reply = person.chat.session.tree.tip()
        made = reply.provenance.by_parts
        assert (made.parts, made.done, reply.status) == (4, 4, Status.COMPLETE)
        assert reply.text == REPLY
        view = person.screen.page.transcript.column
        assert "o opens 4 parts" in view.view(view.last).entry.details
        await person.press("shift+up", "o")
        await person.until(lambda: isinstance(person.app.screen, SourcesScreen))
        rows = person.app.screen.ledger.rows
        assert [row.when for row in rows] == ["1 of 4", "2 of 4", "3 of 4", "4 of 4", "1 of 1", ""]
        assert rows[0].body == REPLY
        await person.press("down", "enter")
        await person.until(lambda: isinstance(person.app.screen, PassageScreen))
        await person.press("escape", "escape")
        assert (await person.kept()).tree.tip().provenance.by_parts == made


async def test_a_file_that_changed_is_said_and_read_anew(open_app, folder):  # noqa: F811
    async with open_app() as person:
        await attach(person, "@notes")
        (folder / "notes.md").write_text("# Notes\nThe key is under the mat.\n")
        await person.type(" what is new?")
        await person.press("enter")
        await person.until(lambda: person.idle)
        (file,) = person.chat.session.tree.path()[0].files
        assert "under the mat" in file.document.text


async def test_an_edit_has_the_files_of_its_message_and_the_draft_gets_its_own_back(open_app, folder):  # noqa: F811
    async with open_app() as person:
        await attach(person, "sum up @notes")
        await person.press("enter")
        await person.until(lambda: person.idle)
        await person.press("up")
        assert [file.name for file in person.chat.files] == ["notes.md"]
        await person.press("escape")
        assert person.chat.files == []
        await person.press("up")
        await person.say(" again")
        await person.until(lambda: person.idle and len(person.chat.session.tree) == 4)
        assert [file.name for file in person.chat.session.tree.path()[0].files] == ["notes.md"]


async def test_a_citation_is_set_off_in_the_text_and_opens_by_a_click(open_app, folder):  # noqa: F811
    async with open_app() as person:
        await attach(person, "how much? @rent")
        await person.press("enter")
        await person.until(lambda: person.idle)
        said = "It is *850* [bold red]x[/] [my rent.txt:2], not [my rent.txt:77] or [other.txt:2]."
        person.chat.session.tree.path()[-1].text = said
        person.screen.page.show_path()
        await person.pilot.pause()
        transcript = person.screen.page.transcript
        rows = [row for row in transcript.column.rows(transcript.column.last) if "my rent" in row.text]
        (row,) = rows
        assert "[bold red]x[/]" in row.text  # data, never markup
        assert [text for text, style in row.line if style.underline] == ["[my rent.txt:2]"]
        lines = [transcript.render_line(y).text for y in range(transcript.size.height)]
        (y,) = [y for y, line in enumerate(lines) if "[my rent.txt:2]" in line]
        beside = lines[y].index("[my rent.txt:77]") + 3
        await person.pilot.click(transcript, offset=(beside, y))
        await person.pilot.pause()
        assert person.app.screen is person.screen
        await person.pilot.click(transcript, offset=(lines[y].index("[my rent.txt:2]") + 3, y))
        await person.until(lambda: isinstance(person.app.screen, PassageScreen))
        await person.until(lambda: "850 euros" in person.app.screen.query_one(TextArea).selected_text)


@pytest.mark.parametrize(
    ("said", "cited"), [("It is 850 [my rent.txt:2].", "the rent is 850 euros."), ("No.", "Dear Ms Brown,")]
)
async def test_what_a_reply_cites_opens(open_app, folder, tmp_path, said, cited):  # noqa: F811
    async with open_app() as person:
        await attach(person, "how much? @rent")
        await person.press("enter")
        await person.until(lambda: person.idle)
        person.chat.session.tree.path()[-1].text = said
        await person.press("shift+up", "o")
        await person.until(lambda: isinstance(person.app.screen, SourcesScreen))
        rows = person.app.screen.ledger.rows
        assert rows[-1].text == "my rent.txt"
        assert "Ms Brown" in rows[0].body
        await person.press("enter")
        await person.until(lambda: isinstance(person.app.screen, PassageScreen))
        await person.until(lambda: person.app.screen.query_one(TextArea).selected_text == cited)
        await person.press("escape", "escape")
        await person.until(lambda: person.app.screen is person.screen)


async def test_a_file_that_was_not_sent_is_there_again_after_a_new_start(open_app, folder):  # noqa: F811
    async with open_app() as person:
        await attach(person, "compare @rent")
        [file] = person.chat.files
        for _ in range(200):
            heads = await person.desk.store.sessions()
            if heads and (await person.desk.store.session(heads[0].uid)).draft_files:
                break
            await person.pilot.pause(0.02)
    (folder / "letters" / "my rent.txt").unlink()
    async with open_app(continue_newest=True) as person:
        await person.until(lambda: "my rent.txt" in shown(person, AttachedLines))
        assert (person.draft, person.chat.files) == ("compare my rent.txt", [file])
        await person.press("enter")
        await person.until(lambda: person.idle and len(person.chat.session.tree) == 2)
        assert person.chat.session.tree.path()[0].files == (file,)
        assert (await person.desk.store.session(person.chat.session.uid)).draft_files == ()


async def test_an_edit_left_behind_does_not_hang_its_files_on_the_draft(open_app, folder):  # noqa: F811
    async with open_app() as person:
        await attach(person, "compare @rent")
        await person.press("enter")
        await person.until(lambda: person.idle)
        chat = person.chat
        await person.press("up")  # edits the question, which has a file
        await person.until(lambda: person.chat.files)
        await person.press("ctrl+n")
        await person.until(lambda: person.chat is not chat)
        assert chat.files == []
