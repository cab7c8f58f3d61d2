"""Files with the real engine: what they take of the window is exact, and what does not fit is chosen."""

from __future__ import annotations

import random

import pytest

from chatapp.attaching import fit_of, given_of
from chatapp.chat import Chat
from chatapp.config import Settings
from chatapp.conversation.attachment import Attachment, Given, content, files_text
from chatapp.conversation.document import Document
from chatapp.conversation.persona import Persona
from chatapp.engine.client import Engine
from chatapp.files.ranking import ranked
from chatapp.loading import model_options
from chatapp.store import Store
from chatapp.turn import Ended

SHORT = Attachment("rent.txt", Document("The rent is 850 euros.\nIt is due on the third.\n"))
_WORDS = (
    "the",
    "of",
    "and",
    "boat",
    "tree",
    "garden",
    "sea",
    "night",
    "paper",
    "letter",
    "river",
    "town",
    "music",
)


def story(lines: int, found: int) -> Document:
    """A long text of which one line alone speaks of a lighthouse."""
    chance = random.Random(1)
    said = [" ".join(chance.choices(_WORDS, k=14)) for _ in range(lines)]
    said[found] = "Nobody knew that the lighthouse keeper was called Ferdinand."
    return Document("\n".join(said) + "\n")


@pytest.fixture(scope="module")
def long() -> Attachment:
    return Attachment("story.txt", story(3000, 2000))


@pytest.fixture
async def chat(tmp_path, model_path):
    store = await Store.open(tmp_path / "chats.db")
    engine = Engine(tmp_path / "engine.log")
    options = model_options(str(model_path), Settings(context=2048))
    session = await store.create_session(Persona(name="Plain", sampling={"max_tokens": 8, "temperature": 0}))
    await engine.ensure(options)
    yield Chat(session, store, engine, options)
    await engine.close()
    await store.close()


def test_the_passages_about_the_question_come_first_whatever_the_form_of_the_words(long):
    best = ranked(long.document, "Who kept the light? What were LIGHTHOUSES and keepers called?")
    assert "Ferdinand" in long.document.text[slice(*best[0])]
    assert ranked(long.document, 'xylophone "quoted* OR NOT') == ranked(long.document, "—") == []


async def test_files_take_of_the_plan_what_they_take_of_the_prompt(chat):
    async for event in chat.send("How much?", files=[SHORT]):
        last = event
    assert isinstance(last, Ended)
    plan = chat.prompt.plan
    assert plan.files == len(await chat.engine.prompts.tokenize(files_text([SHORT]))) > 20
    assert plan.prompt == last.reply.provenance.prompt_tokens
    assert chat.prompt.turns[0].content == content("How much?", [SHORT])
    kept = await chat.store.session(chat.session.uid)
    assert kept.tree.path()[0].files == (SHORT,)
    drafted = await chat.room.plan("And when?", [SHORT])
    assert (drafted.files, drafted.draft > 0) == (2 * plan.files, True)


async def test_what_is_given_of_a_file_that_does_not_fit_fits(chat, long):
    question = "What was the lighthouse keeper called?"
    fit = await fit_of(chat, long, question, [])
    assert not fit.fits
    assert (await fit_of(chat, SHORT, question, [])).fits
    passages = await given_of(chat.engine, long, Given.PASSAGES, question, fit.room)
    begins = await given_of(chat.engine, long, Given.BEGINNING, question, fit.room)
    nothing = await given_of(chat.engine, long, Given.PASSAGES, "xylophone?", fit.room)
    assert ("Ferdinand" in files_text([passages]), "Ferdinand" in files_text([begins])) == (True, False)
    assert nothing == begins
    for part in (passages, begins):
        plan = await chat.room.plan(question, [part])
        assert plan.fits
        assert plan.files > fit.room // 20
    assert (await chat.room.plan(question, [begins])).files > fit.room * 0.6


async def test_an_edit_keeps_the_files_of_the_message_and_may_take_them_off(chat):
    async for _ in chat.send("How much?", files=[SHORT]):
        pass
    asked = chat.session.tree.path()[0]
    async for _ in chat.edit(asked.id, "How much is it?"):
        pass
    assert chat.session.tree.path()[0].files == (SHORT,)
    async for _ in chat.edit(asked.id, "How much is it?", files=()):
        pass
    assert chat.session.tree.path()[0].files == ()
