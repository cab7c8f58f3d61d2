"""Presets as files: what is read, what is refused and why, and that nothing of another's is lost."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.conversation.sampling import NEUTRAL, PRESETS, SHIPPED, Preset, Presets, SamplingSettings
from chatapp.errors import Refusal
from chatapp.personas import Library, shipped_folder
from chatapp.presets import BrokenPreset, PresetFolder, parse

NOIR = Preset("Noir", "short, dark, dry", {"temperature": 0.7, "min_p": 0.08})


@pytest.fixture
def folder(tmp_path: Path) -> PresetFolder:
    return PresetFolder(tmp_path / "presets")


def write(folder: PresetFolder, name: str, text: str) -> Path:
    folder.path.mkdir(exist_ok=True)
    path = folder.path / name
    path.write_text(text, "utf-8")
    return path


def test_a_preset_that_is_saved_is_there_for_its_owner_only_and_counts_at_once(folder: PresetFolder) -> None:
    assert list(folder.all()) == list(PRESETS)
    path = folder.save(NOIR)
    assert (path.name, folder.all().named("noir")) == ("noir.toml", NOIR)
    if os.name == "posix":
        assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(folder.path.stat().st_mode)) == (0o600, 0o700)
    path.write_text(path.read_text("utf-8").replace("0.7", "1.7"), "utf-8")
    assert folder.all().named("Noir").values["temperature"] == 1.7


def test_own_presets_win_by_name_and_are_listed_after_the_shipped_ones(folder: PresetFolder) -> None:
    folder.save(Preset("balanced", "mine", {"top_k": 7}))
    names = [preset.name for preset in folder.all()]
    assert names == [preset.name for preset in PRESETS[1:]] + ["balanced"]
    assert folder.all().named("Balanced").values == {"top_k": 7}
    assert SHIPPED.named("balanced").values == {}


def test_saving_again_replaces_the_file_and_another_name_with_the_same_letters_does_not(
    folder: PresetFolder,
) -> None:
    first = folder.save(NOIR)
    assert folder.save(Preset("NOIR", "", {})) == first
    assert folder.save(Preset("Noir!", "", {})).name == "noir-2.toml"
    assert {preset.name for preset in folder.all().own} == {"NOIR", "Noir!"}


def test_a_preset_can_be_renamed_and_deleted_into_the_trash(folder: PresetFolder) -> None:
    folder.save(NOIR)
    folder.save(Preset("Blanc", "", {}))
    with pytest.raises(Refusal, match="called ‘blanc’ already"):
        folder.rename("Noir", "blanc")
    assert folder.rename("noir", "Rouge") == Preset("Rouge", NOIR.purpose, NOIR.values)
    assert sorted(path.name for path in folder.path.iterdir()) == ["blanc.toml", "rouge.toml"]
    lies = folder.delete("rouge")
    assert lies == folder.path / "trash" / "rouge.toml"
    assert tomllib.loads(lies.read_text("utf-8"))["name"] == "Rouge"
    folder.save(Preset("Rouge", "", {}))
    assert folder.delete("rouge").name == "rouge-2.toml"
    with pytest.raises(Refusal, match="it ships with the app"):
        folder.delete("Precise")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "N"\n[values]\ntop-k = 4\nmin-p = 3\n', "line 4: ‘min_p’ must be"),
        ('name = "N"\n[values]\ntop_q = 4\n', "line 3: there is no setting called ‘top_q’"),
        ('name = "N"\n[values]\ntop_k = true\n', "line 3: ‘top_k’ is neither on nor off"),
        ('name = "N"\n\ntemperature = 1\n', "line 3: ‘temperature’ is not understood; it belongs under"),
        ('name = "N"\nvalue = 1\n', "line 2: ‘value’ is not understood; there are name, purpose, values"),
        ("name = 3\n", "line 1: ‘name’ is not text"),
        ('name = " "\n', "line 1: ‘name’ is empty"),
        (f'purpose = "{"x" * 201}"\n', "line 1: ‘purpose’ is longer"),
        ("values = 3\n", "line 1: ‘values’ is not a table"),
        ("name = 1 2", "this is not TOML: .*line 1"),
    ],
)
def test_a_broken_file_is_listed_with_what_is_wrong_and_stands_in_nobodys_way(
    folder: PresetFolder, text: str, said: str
) -> None:
    with pytest.raises(BrokenPreset, match=said):
        parse(text.encode(), "n")
    folder.save(NOIR)
    broken = write(folder, "broken.toml", text)
    assert [(one.path, one.preset is None) for one in folder.list()] == [
        (broken, True),
        (folder.path / "noir.toml", False),
    ]
    assert folder.all().own == (NOIR,)


def test_what_is_no_file_or_has_a_name_twice_is_said(folder: PresetFolder) -> None:
    folder.save(NOIR)
    write(folder, "zweite.toml", 'name = "noir"')
    (folder.path / "a.toml").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder.path / "b.toml")
    write(folder, ".noir.toml.x", "left by a crash")
    problems = [one.problem for one in folder.list() if one.problem]
    assert problems[-1] == "‘noir’ is already the name in noir.toml"
    assert len(problems) == 2 + hasattr(os, "mkfifo")
    assert folder.all().own == (NOIR,)


@given(
    data=st.binary(max_size=300)
    | st.text(max_size=200).map(lambda text: f"[values]\n{text}".encode("utf-8", "replace"))
)
def test_whatever_the_bytes_a_file_is_a_preset_or_broken(data: bytes) -> None:
    try:
        preset = parse(data, "stem")
    except BrokenPreset:
        return
    SamplingSettings.model_validate(preset.values)


SAVED = {
    "stop": ("a\nb", '"'),
    "logit_bias": ((5, -1.5), ("word", 2.0)),
    "grammar": 'root ::= "yes" | "no"',
    "chain": ("top_k", "temperature"),
    "max_tokens": 9,
    "dynatemp_exponent": 2.5,
}


@given(values=st.fixed_dictionaries({}, optional={k: st.just(v) for k, v in (NEUTRAL | SAVED).items()}))
def test_every_setting_comes_back_as_it_was_saved(
    values: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = PresetFolder(tmp_path_factory.mktemp("presets"))
    preset = Preset("Ein ‘Name’ ☃", "", values)
    folder.save(preset)
    assert folder.all() == Presets((preset,))


def test_a_persona_names_an_own_preset_and_keeps_its_values(folder: PresetFolder, tmp_path: Path) -> None:
    yours = tmp_path / "personas"
    yours.mkdir()
    (yours / "marlowe.md").write_text("---\nname: Marlowe\npreset: noir\n---\nBe dry.", "utf-8")
    library = Library(shipped_folder(), yours, folder.all)
    (one,) = (one for one in library.list() if one.origin == "yours")
    assert one.problem.startswith("line 3: there is no preset called ‘noir’; there are Balanced,")
    folder.save(NOIR)
    persona = library.get("Marlowe")
    folder.delete("Noir")
    assert persona.preset == NOIR
    assert persona.model_validate_json(persona.model_dump_json()) == persona
