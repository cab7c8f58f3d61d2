"""The library: shipped personas, the user's own, what is broken, and new files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.conversation.persona import Persona
from chatapp.personas import Library, NoSuchPersona, new_persona, read_persona, shipped_folder

SHIPPED = (
    *("Assistant", "Tutor", "Writer", "Completion", "Code helper"),
    *("Translator", "Summariser", "Analyst", "Sentiment", "Entities"),
    *("Letter", "Invoice", "Rephraser", "Questions"),
)


@pytest.fixture
def yours(tmp_path: Path) -> Path:
    folder = tmp_path / "personas"
    folder.mkdir()
    return folder


@pytest.fixture
def library(yours: Path) -> Library:
    return Library(shipped_folder(), yours)


def test_the_shipped_personas_come_in_the_order_of_the_list_each_with_a_short_purpose(library: Library):
    listed = library.list()
    assert tuple(one.name for one in listed) == SHIPPED
    assert all(one.persona and one.origin == "shipped" and not one.problem for one in listed)
    tasks = [one.name for one in listed if one.persona and one.persona.task]
    assert tasks == list(SHIPPED[5:])
    assert all(0 < len(one.description) <= 60 for one in listed)


def test_completion_sends_no_template_and_no_prompt(library: Library):
    completion = library.get("Completion")
    assert (completion.template, completion.system, completion.examples) == (False, "", ())


def test_your_own_persona_takes_the_place_of_a_shipped_one_whatever_its_capitals(library: Library, yours: Path):
    (yours / "mine.md").write_text("---\nname: TUTOR\n---\nmy own")
    listed = library.list()
    assert [one.name for one in listed if one.name.casefold() == "tutor"] == ["TUTOR"]
    assert library.get("tutor").system == "my own"


def test_a_broken_file_does_not_hide_the_shipped_persona(library: Library, yours: Path):
    (yours / "tutor.md").write_text("---\nsampling: {min-p: 3}\n---\n")
    assert library.get("Tutor").system.startswith("You are Tutor.")
    assert [one.problem for one in library.list() if one.name == "tutor.md"] == ["line 2: ‘min-p’ must be 0 to 1"]


def test_of_two_files_with_one_name_the_first_is_used_and_the_other_says_so(library: Library, yours: Path):
    (yours / "a.md").write_text("---\nname: Kant\n---\nfirst")
    (yours / "b.md").write_text("---\nname: kant\n---\nsecond")
    assert library.get("Kant").system == "first"
    assert [(one.name, one.problem) for one in library.list() if one.problem] == [
        ("b.md", "‘kant’ is already the name in a.md")
    ]


def test_whatever_lies_in_the_folder_is_listed_with_its_problem_and_stops_nothing(library: Library, yours: Path):
    (yours / "folder.md").mkdir()
    (yours / "huge.md").write_bytes(b"x" * 300_000)
    (yours / "latin.md").write_bytes(b"caf\xe9")
    (yours / "loop.md").symlink_to("loop.md")
    (yours / "gone.md").symlink_to("nowhere")
    os.mkfifo(yours / "pipe.md")
    (yours / ".hidden.md").write_text("an editor's own")
    (yours / "good.md").write_text("fine")
    listed = {one.name: one.problem for one in library.list() if one.origin == "yours"}
    assert set(listed) == {"folder.md", "huge.md", "latin.md", "loop.md", "gone.md", "pipe.md", "good"}
    assert [name for name, problem in listed.items() if not problem] == ["good"]
    assert listed["huge.md"] == "the file is larger than 256 KB"
    assert listed["latin.md"] == "line 1: this is not UTF-8 text"


def test_a_folder_that_is_not_there_holds_no_personas(tmp_path: Path):
    assert Library(tmp_path / "a", tmp_path / "b").list() == []


def test_a_file_in_the_place_of_the_folder_is_a_problem_in_the_list(tmp_path: Path):
    (tmp_path / "personas").write_text("not a folder")
    (only,) = Library(tmp_path / "none", tmp_path / "personas").list()
    assert only.problem.startswith("the folder cannot be read")


def test_a_persona_is_found_by_its_name_or_by_its_file(library: Library):
    assert library.get("code HELPER") == library.get("code") == library.get("code.md")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Tutr", "There is no persona called ‘Tutr’. Nearest: Tutor"),
        ("", "There is no persona called ‘’. There are Assistant, Tutor, Writer,"),
        ("bad", "bad.md cannot be used: line 2: ‘template’ is not true or false."),
    ],
)
def test_a_name_that_is_not_there_is_answered_with_what_is(
    library: Library, yours: Path, name: str, sentence: str
):
    (yours / "bad.md").write_text("---\ntemplate: 3\n---\n")
    with pytest.raises(NoSuchPersona) as caught:
        library.get(name)
    assert str(caught.value).startswith(sentence)


# New files --------------------------------------------------------------------------------------------------


def test_a_new_persona_works_at_once_and_is_for_its_owner_only(library: Library, yours: Path):
    path = new_persona(yours, "Night clerk: “late”")
    assert path.name == "night-clerk-late.md"
    assert library.get("Night clerk: “late”").system.startswith("You are {{char}}.")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_commented_lines_of_a_new_persona_work_when_their_marks_are_taken_away(yours: Path):
    path = new_persona(yours, "Clerk")
    explained = path.read_text().replace("# What", "## What").replace("\n# ", "\n")
    path.write_text(explained)
    persona = read_persona(path)
    assert persona.sampling["max_tokens"] == 400
    assert len(persona.examples) == 1


def test_a_new_persona_never_overwrites_a_file(yours: Path):
    path = new_persona(yours, "Clerk")
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=r"clerk\.md is there already"):
        new_persona(yours, "clerk")
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("../../x", "x.md"),
        ("/etc/passwd", "etc-passwd.md"),
        ("CON", "con-persona.md"),
        ("lpt1", "lpt1-persona.md"),
        ("\u202egnp.x", "gnp-x.md"),
        ("a\0b\nc\x1b[2J", "a-b-c-2j.md"),
        ("  ", "persona.md"),
        ("...", "persona.md"),
        ("é" * 300, "é" * 40 + ".md"),
        ("\ud800", "persona.md"),
        ("Ночь", "ночь.md"),
    ],
)
def test_a_hostile_name_stays_in_the_folder(yours: Path, name: str, file: str):
    assert new_persona(yours, name) == yours / file
    assert isinstance(read_persona(yours / file), Persona)


@given(st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_name_gives_a_file_in_the_folder_that_can_be_read(tmp_path_factory: pytest.TempPathFactory, name: str):
    folder = tmp_path_factory.mktemp("personas")
    path = new_persona(folder, name)
    assert path.parent == folder
    assert list(folder.iterdir()) == [path]
    assert read_persona(path).name
