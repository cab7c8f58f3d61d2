"""`chatapp models`, and the flags that load one another way."""

from __future__ import annotations

import json
import sys
import tomllib

import pytest
from engine.tiny_gguf import gguf, tensor

from chatapp.cli import main
from chatapp.config import SettingsError, save_setting


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def call(home, capsys, monkeypatch):
    """Runs a command in this process: its status, standard output and standard error."""
    monkeypatch.setattr(sys, "stdin", None)

    def run(*argv):
        try:
            status = main([*argv, "--data-dir", str(home)])
        except SystemExit as leaving:
            status = leaving.code
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def rose(tmp_path):
    path = tmp_path / "elsewhere" / "Rose-1B-Q4_1.gguf"
    path.parent.mkdir()
    path.write_bytes(gguf())
    return path


def test_show_tells_the_memory_term_by_term_and_what_to_know_of_the_quantisation(call, model_path):
    told = json.loads(call("models", "show", "smollm2", "--json")[1])
    memory = told["memory"]
    assert memory["total"] == sum(memory[term] for term in ("weights", "cache", "compute", "engine"))
    assert memory["cache"] == 8192 * 30 * 3 * 64 * 2 * 2
    assert (memory["n_ctx"], memory["measured"]) == (8192, None)
    assert "twice as fast as Q4_1" in told["advice"]
    assert told["files"] == [str(model_path)]
    status, out, _ = call("models", "show", "smollm2")
    assert status == 0
    for part in ("cache    189 MB", "Memory for a context of 8,192 tokens", "chat template        yes"):
        assert part in out


def test_what_a_load_took_and_how_fast_it_was_is_shown_afterwards(call):
    flags = ("--context", "512", "--threads", "1", "--max-tokens", "20", "--temperature", "0", "--system", "")
    status, out, _ = call("ask", "Count to twenty.", "--json", "--kv-type", "q8_0", *flags)
    assert status == 0
    told = json.loads(call("models", "show", "smollm2", "--json")[1])
    assert told["memory"]["measured"]["cache"] == pytest.approx(512 * 30 * 3 * 64 * 2 * 34 / 32, rel=0.01)
    if json.loads(out)["generated_tokens"] >= 16:
        assert told["tokens_per_s"] > 0


def test_add_links_a_model_and_leaves_it_where_it_is(call, home, rose):
    status, out, _ = call("models", "add", str(rose), "--json")
    link = home / "models" / rose.name
    assert (status, json.loads(out)) == (0, {"name": "Rose 1B", "path": str(link), "copied": False})
    assert link.is_symlink()
    listed = json.loads(call("models", "list", "--json")[1])
    assert [(one["name"], one["source"]) for one in listed[1:]] == [("Rose 1B", "your folder")]
    assert call("models", "add", str(rose))[0] == 0, "once more does no harm"


def test_add_with_copy_copies(call, home, rose):
    assert call("models", "add", str(rose), "--copy")[0] == 0
    copied = home / "models" / rose.name
    rose.unlink()
    assert not copied.is_symlink()
    assert copied.read_bytes() == gguf()
    assert [path.name for path in copied.parent.iterdir()] == [rose.name], "nothing half is left"


def test_every_file_of_a_split_model_is_added(call, home, tmp_path):
    for number in (1, 2):
        changes = {"split.no": number - 1, "split.count": 2}
        data = gguf(changes, tensors=[tensor(f"t{number}")])
        (tmp_path / f"big-0000{number}-of-00002.gguf").write_bytes(data)
    assert call("models", "add", str(tmp_path / "big-00001-of-00002.gguf"))[0] == 0
    assert len(list((home / "models").iterdir())) == 2


def test_add_never_takes_the_place_of_another_file_nor_a_file_that_is_no_model(call, home, rose):
    (home / "models").mkdir(parents=True)
    (home / "models" / rose.name).write_bytes(b"mine")
    status, out, err = call("models", "add", str(rose), "--json")
    assert (status, json.loads(out)["error"]["kind"]) == (1, "exists")
    assert "nothing was changed" in err
    assert (home / "models" / rose.name).read_bytes() == b"mine"
    rose.write_bytes(b"text")
    assert json.loads(call("models", "add", str(rose), "--json")[1])["error"]["kind"] == "not_a_model"


def test_default_is_written_into_the_settings_and_nothing_else_is_touched(call, home, rose):
    settings = home / "config" / "settings.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('# mine\ncontext = 4096 # enough\n\n[keys]\n"chat.again" = "ctrl+y"\n')
    assert call("models", "default", str(rose))[0] == 0
    text = settings.read_text()
    assert text.endswith('# mine\ncontext = 4096 # enough\n\n[keys]\n"chat.again" = "ctrl+y"\n')
    assert tomllib.loads(text)["model"] == str(rose)
    assert call("models", "default", "smollm2")[0] == 0
    assert tomllib.loads(settings.read_text())["model"] == ""


def test_a_settings_file_that_cannot_be_changed_is_left_as_it_is(tmp_path):
    path = tmp_path / "settings.toml"
    for text in ("broken = [", 'user = """\nmodel = 1\n"""\n'):
        path.write_text(text)
        with pytest.raises(SettingsError, match=r'write this into it: model = "x"'):
            save_setting(path, "model", "x")
        assert path.read_text() == text


def test_a_setting_of_the_same_name_in_a_table_is_another_one(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('[keys]\ntheme = "f5"\n')
    save_setting(path, "theme", 'pa\\per"')
    assert tomllib.loads(path.read_text()) == {"theme": 'pa\\per"', "keys": {"theme": "f5"}}
