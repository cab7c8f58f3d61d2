"""Fetching from the hub: what is chosen, checked and said. A stand-in has the library's place."""

from __future__ import annotations

import hashlib
import json
import sys
from types import SimpleNamespace

import pytest
from tiny_gguf import gguf, tensor

from chatapp.cli import main
from chatapp.engine.hub import HubError, pull

REPOSITORY = "acme/Rose-1B-GGUF"


@pytest.fixture
def hub(monkeypatch):
    """Puts files into a repository of a hub that is not there; returns what was downloaded of it."""

    def has(files, *, lies=False):
        downloaded = []

        def model_info(repository, *, files_metadata):
            assert files_metadata
            if repository != REPOSITORY:
                raise OSError(f"404: no repository {repository}\nmore lines")
            return SimpleNamespace(siblings=[sibling(name, data) for name, data in files.items()])

        def sibling(name, data):
            digest = "0" * 64 if lies else hashlib.sha256(data).hexdigest()
            return SimpleNamespace(rfilename=name, size=len(data), lfs=SimpleNamespace(sha256=digest))

        def http_get(name, writing, *, resume_size, **_options):
            downloaded.append(name)
            writing.write(files[name][resume_size:])

        library = SimpleNamespace(
            HfApi=lambda: SimpleNamespace(model_info=model_info),
            hf_hub_url=lambda _repository, name: name,
            file_download=SimpleNamespace(http_get=http_get),
            utils=SimpleNamespace(build_hf_headers=dict),
        )
        monkeypatch.setitem(sys.modules, "huggingface_hub", library)
        return downloaded

    return has


def test_the_usual_quantisation_is_taken_when_none_is_named(hub, tmp_path):
    downloaded = hub(
        {f"Rose-1B-{name}.gguf": gguf() for name in ("Q2_K", "Q8_0", "Q4_K_M")} | {"README.md": b"hi"}
    )
    path = pull(REPOSITORY, tmp_path)
    assert path == tmp_path / "acme" / "Rose-1B-GGUF" / "Rose-1B-Q4_K_M.gguf"
    assert downloaded == ["Rose-1B-Q4_K_M.gguf"]


def test_a_part_of_a_name_is_enough_and_every_part_of_a_split_model_comes(hub, tmp_path):
    parts = {
        f"Q8_0/rose-Q8_0-0000{n + 1}-of-00002.gguf": gguf(
            {"split.no": n, "split.count": 2}, tensors=[tensor(f"t{n}")]
        )
        for n in (0, 1)
    }
    downloaded = hub({"rose-Q4_K_M.gguf": gguf(), "mmproj-rose-Q8_0.gguf": gguf(), **parts})
    assert pull(f"{REPOSITORY}:q8_0", tmp_path).name == "rose-Q8_0-00001-of-00002.gguf"
    assert downloaded == list(parts)


@pytest.mark.parametrize(
    ("wanted", "files", "words"),
    [
        ("no repository", {}, "say OWNER/NAME"),
        ("../etc", {}, "no repository .../etc|could not be fetched|say OWNER/NAME"),
        ("acme/other", {}, r"acme/other could not be fetched: 404: no repository acme/other$"),
        (REPOSITORY, {"README.md": b""}, "has no GGUF file"),
        (f"{REPOSITORY}:q5", {"a-Q4_0.gguf": b""}, "Name one file .* There are: a-Q4_0.gguf"),
        (f"{REPOSITORY}:a", {"a1.gguf": b"", "a2.gguf": b""}, "There are: a1.gguf, a2.gguf"),
        (REPOSITORY, {"a.gguf": b"<html>"}, "a.gguf came, but is not a GGUF file"),
    ],
)
def test_what_cannot_be_fetched_is_said_in_a_sentence(hub, tmp_path, wanted, files, words):
    hub(files)
    with pytest.raises(HubError, match=words):
        pull(wanted, tmp_path)


@pytest.mark.parametrize("name", ["../a.gguf", "/a.gguf", "b/../../a.gguf", "c:a.gguf", "..\\a.gguf", "b//a.gguf"])
def test_a_name_that_leads_elsewhere_is_refused(hub, tmp_path, name):
    downloaded = hub({name: gguf()})
    with pytest.raises(HubError, match="leads out of the models folder"):
        pull(REPOSITORY, tmp_path / "models")
    assert not downloaded
    assert not list(tmp_path.rglob("*.gguf"))


def test_what_is_there_is_not_fetched_again(hub, tmp_path):
    downloaded = hub({"a.gguf": gguf()})
    assert pull(REPOSITORY, tmp_path) == pull(REPOSITORY, tmp_path)
    assert downloaded == ["a.gguf"]


def test_what_came_otherwise_than_the_hub_has_it_is_thrown_away(hub, tmp_path):
    hub({"a.gguf": gguf()}, lies=True)
    with pytest.raises(HubError, match="SHA-256 is wrong"):
        pull(REPOSITORY, tmp_path)
    assert not list(tmp_path.rglob("*.gguf"))


def test_the_command_says_where_it_is_and_without_the_extra_what_to_do(hub, tmp_path, monkeypatch, capsys):
    hub({"Rose-Q4_K_M.gguf": gguf()})
    assert main(["models", "pull", REPOSITORY, "--json", "--data-dir", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["name"] == "Rose"
    assert main(["models", "show", "Rose", "--data-dir", str(tmp_path)]) == 0
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert main(["models", "pull", REPOSITORY, "--data-dir", str(tmp_path)]) == 1
    assert "pip install 'chatapp[hub]'" in capsys.readouterr().err
