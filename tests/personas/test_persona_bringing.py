"""Personas from elsewhere: what lies beside the file comes along, or nothing does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.conversation.session import Session
from chatapp.personas import BrokenPersona, import_persona
from chatapp.personas.file import parse
from chatapp.transfer import native

SCHEMA = {"type": "object", "properties": {"größe": {"enum": ["a: b", 'it\'s # "x" \U0001f600', "-"]}}}


def bring(tmp_path: Path, written: str, *, taken=(), beside=SCHEMA):
    source, folder = tmp_path / "from", tmp_path / "to"
    source.mkdir(exist_ok=True)
    folder.mkdir(exist_ok=True)
    (source / "beside.json").write_text(json.dumps(beside, indent=1))
    (source / "mine.md").write_text(f"---\nname: Mine\n{written}\ntask: true\n---\nRead it.")
    name, path = import_persona(folder, source / "mine.md", taken)
    return name, parse(path.read_bytes(), path)


@pytest.mark.parametrize(
    "written", ["schema: beside.json", 'schema:  "beside.json"', "schema: 'beside.json'  # the form"]
)
def test_a_schema_beside_the_file_comes_along_inside_of_it(tmp_path: Path, written: str):
    name, persona = bring(tmp_path, written, taken={"mine"})
    assert (name, persona.name, persona.system, persona.task) == ("Mine (2)", "Mine (2)", "Read it.", True)
    assert json.loads(persona.json_schema) == SCHEMA


@pytest.mark.parametrize(
    "written", ["schema: {type: object}", "schema:\n  type: object", 'schema: \'{"type": "object"}\'']
)
def test_a_schema_in_place_stays_what_it_is(tmp_path: Path, written: str):
    assert json.loads(bring(tmp_path, written)[1].json_schema) == {"type": "object"}


@pytest.mark.parametrize("written", ["schema: gone.json", "schema: >-\n  beside.json"])
def test_one_that_cannot_come_along_is_refused_and_nothing_is_written(tmp_path: Path, written: str):
    with pytest.raises(BrokenPersona):
        bring(tmp_path, written)
    assert list((tmp_path / "to").iterdir()) == []


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, unique=True))
@settings(max_examples=60, deadline=None)
def test_whatever_a_schema_says_is_the_same_after_it_was_brought(tmp_path_factory, words):
    tmp_path = tmp_path_factory.mktemp("brought")
    _, persona = bring(tmp_path, "schema: beside.json", beside={"enum": words})
    assert json.loads(persona.json_schema) == {"enum": words}


def test_a_persona_goes_with_its_session_into_a_native_file_and_back(tmp_path: Path):
    _, persona = bring(tmp_path, "schema: beside.json")
    written = native.write(Session(0, "", "A letter", persona))
    assert native.read(json.loads(written)).session.persona == persona
