"""What is remembered: a file that a person may edit, told to sessions that begin, and to nobody else."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.config import Settings
from chatapp.conversation.memory import HEAD, entries, with_entry, without_entry
from chatapp.conversation.message import Role
from chatapp.conversation.persona import Persona
from chatapp.conversation.prompt import Part, pieces
from chatapp.errors import Refusal
from chatapp.home import Home
from chatapp.memory import MemoryFile
from chatapp.paths import Paths

DAY = date(2026, 11, 24)
BY_HAND = """# Me

I wrote this *myself*.
- Likes tea (green)
* Speaks Dutch. (2026-01-02, “Trip (to) Ghent”)
- Born in May. (2025-05-01, you)
  - not an entry
-not one either
- (2026-01-01, you)
"""


@pytest.fixture
def home(tmp_path):
    return Home.open(Paths.default(tmp_path / "home"))


def test_entries_are_read_from_a_file_that_was_written_by_hand():
    found = [(one.text, one.day, one.source) for one in entries(BY_HAND)]
    assert found == [
        ("Likes tea (green)", None, ""),
        ("Speaks Dutch. (2026-01-02, “Trip (to) Ghent”)", None, ""),
        ("Born in May.", date(2025, 5, 1), "you"),
        ("(2026-01-01, you)", None, ""),
    ]


def test_what_is_not_an_entry_stays_as_it_is():
    added = with_entry(BY_HAND, "New.", DAY, "you")
    assert added == BY_HAND + "- New. (2026-11-24, you)\n"
    assert without_entry(added, entries(added)[-1]) == BY_HAND
    gone = without_entry(BY_HAND, entries(BY_HAND)[0])
    assert gone == BY_HAND.replace("- Likes tea (green)\n", "")


@given(st.lists(st.text(min_size=1, max_size=60), max_size=6), st.text(max_size=30))
def test_whatever_is_remembered_comes_back_on_one_line(texts, source):
    document = ""
    kept = []
    for text in texts:
        try:
            document = with_entry(document, text, DAY, source)
        except ValueError:
            continue
        kept.append(text)
    found = entries(document)
    assert len(found) == len(kept)
    for one in reversed(found):
        document = without_entry(document, one)
    assert entries(document) == []


def test_an_entry_that_was_edited_meanwhile_is_not_taken_for_another(tmp_path):
    memory = MemoryFile(tmp_path / "memory.md")
    memory.add("one")
    memory.add("two")
    (first, _) = memory.entries()
    memory.path.write_text(memory.document().replace("- one", "- uno"))
    with pytest.raises(Refusal, match="edited meanwhile"):
        memory.forget(first)
    assert [one.text for one in memory.entries()] == ["uno", "two"]
    assert memory.path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 501])
def test_nothing_and_too_much_are_refused(tmp_path, text):
    memory = MemoryFile(tmp_path / "memory.md")
    with pytest.raises(Refusal):
        memory.add(text)
    assert not memory.path.exists()


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path):
    (tmp_path / "memory.md").mkdir()
    with pytest.raises(Refusal, match="cannot be read"):
        MemoryFile(tmp_path / "memory.md").entries()
    (tmp_path / "big.md").write_bytes(b"- x\n" * 100_000)
    with pytest.raises(Refusal, match="larger than"):
        MemoryFile(tmp_path / "big.md").entries()


def test_a_session_begins_with_what_is_remembered_then(home):
    home.memory.add("The landlord is Ms Okafor.")
    persona = home.persona(None, "a model")
    home.memory.add("Later.")
    assert persona.known == ("The landlord is Ms Okafor.",)
    prompt = pieces(persona, [], "")
    assert [(piece.part, piece.turn.role) for piece in prompt] == [
        (Part.SYSTEM, Role.SYSTEM),
        (Part.MEMORY, Role.SYSTEM),
    ]
    assert prompt[1].turn.content == f"{HEAD}\n- The landlord is Ms Okafor."
    assert home.persona(None, "a model", memory=False).known == ()


def test_a_persona_without_memory_is_told_nothing(home):
    home.memory.add("The landlord is Ms Okafor.")
    (home.paths.personas / "quiet.md").write_text("---\nname: Quiet\nmemory: false\n---\nSay little.\n")
    for name in ("Quiet", "Translator", "Completion"):
        assert home.persona(name, "").known == ()
    assert Settings().persona == "Assistant"
    assert pieces(Persona(name="x", system="y"), [], "")[0].part is Part.SYSTEM
