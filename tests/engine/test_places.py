"""Other programs' models, each in a tree as that program makes it."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from tiny_gguf import gguf

from chatapp.engine import catalog as catalog_module
from chatapp.engine.catalog import Catalog
from chatapp.engine.places import Found, Place, elsewhere, walk


def model(path, **changes):
    """A tiny model at a path; another one for each context length."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gguf({f"llama.{key}": value for key, value in changes.items()}))
    return path


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A home folder, and the environment of someone who has set nothing."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def listed(machine):
    """What is listed of other programs, as (source, name, path)."""

    def names():
        found = Catalog(machine / "own").models()
        return [(m.source, m.name, m.path) for m in found if m.source != "comes with chatapp"]

    return names


def hugging_face(hub, repository, files, revision="0a1b", **changes):
    """A repository as huggingface_hub keeps it: links in a snapshot to blobs with hashes for names."""
    for number, name in enumerate(files):
        blob = model(hub / repository / "blobs" / f"{number}{'ab' * 31}", **changes)
        link = hub / repository / "snapshots" / revision / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))


@pytest.mark.parametrize(
    ("variable", "hub"),
    [
        ("HF_HUB_CACHE", "a"),
        ("HUGGINGFACE_HUB_CACHE", "b"),
        ("HF_HOME", "c/hub"),
        ("XDG_CACHE_HOME", "d/huggingface/hub"),
        (None, ".cache/huggingface/hub"),
    ],
)
def test_the_cache_of_hugging_face_is_found_by_its_variables(machine, listed, monkeypatch, variable, hub):
    if variable:
        monkeypatch.setenv(variable, str(machine / hub.partition("/")[0]))
    hugging_face(machine / hub, "models--acme--rose-GGUF", ["rose-1b-Q4_K_M.gguf"])
    hugging_face(machine / hub, "models--acme--rose-GGUF", ["rose-1b-Q4_K_M.gguf"], revision="later")
    hugging_face(machine / hub, "datasets--acme--rose", ["no-model.gguf"], context_length=7)
    [(source, name, path)] = listed()
    assert (source, name) == ("Hugging Face", "rose 1b")
    assert path.name == "rose-1b-Q4_K_M.gguf"


def test_lm_studio_is_found_by_default_by_its_pointer_and_by_its_settings(machine, listed):
    model(machine / ".lmstudio" / "models" / "acme" / "iris-GGUF" / "iris-2b-Q8_0.gguf")
    model(machine / "moved" / "models" / "acme" / "lily-GGUF" / "lily.gguf", context_length=1)
    (machine / ".lmstudio-home-pointer").write_text(f"{machine / 'moved'}\n")
    model(machine / "big disk" / "acme" / "tulip.gguf", context_length=2)
    (machine / "moved" / "settings.json").write_text(json.dumps({"downloadsFolder": str(machine / "big disk")}))
    assert [(source, name) for source, name, _ in listed()] == [
        ("LM Studio", "iris 2b"),
        ("LM Studio", "lily"),
        ("LM Studio", "tulip"),
    ]


def test_jan_names_its_models_by_their_folders(machine, listed):
    data = machine / ".local" / "share" / "Jan" / "data"
    model(data / "llamacpp" / "models" / "acme" / "rose-3b" / "model.gguf")
    model(machine / "jan" / "models" / "iris" / "iris-old.gguf", context_length=1)
    assert [(source, name) for source, name, _ in listed()] == [("Jan", "iris old"), ("Jan", "rose-3b")]


def test_gpt4all_and_llama_cpp_are_found(machine, listed, monkeypatch):
    model(machine / ".local" / "share" / "nomic.ai" / "GPT4All" / "rose.Q4_0.gguf")
    monkeypatch.setenv("LLAMA_CACHE", str(machine / "cache"))
    model(machine / "cache" / "ggml-org_iris-1b-GGUF_iris-1b-Q4_K_M.gguf", context_length=1)
    assert [(source, name) for source, name, _ in listed()] == [("GPT4All", "rose"), ("llama.cpp", "iris 1b")]


def ollama(models, where, digest, media="application/vnd.ollama.image.model"):
    manifest = models / "manifests" / where
    manifest.parent.mkdir(parents=True, exist_ok=True)
    layers = [{"mediaType": "application/vnd.ollama.image.template", "digest": "sha256:ffff"}]
    layers.append({"mediaType": media, "digest": digest, "size": 1})
    manifest.write_text(json.dumps({"schemaVersion": 2, "layers": layers}))


def test_ollama_names_its_blobs_by_their_manifests(machine, listed, monkeypatch):
    monkeypatch.setenv("OLLAMA_MODELS", str(machine / "o"))
    models = machine / "o"
    model(models / "blobs" / f"sha256-{'aa' * 32}")
    model(models / "blobs" / f"sha256-{'bb' * 32}", context_length=1)
    ollama(models, "registry.ollama.ai/library/rose/3b", f"sha256:{'aa' * 32}")
    ollama(models, "hf.co/acme/iris-GGUF/Q4_K_M", f"sha256:{'bb' * 32}")
    ollama(models, "registry.ollama.ai/library/escape/latest", "sha256:../../../etc/passwd")
    ollama(models, "registry.ollama.ai/library/adapter/latest", f"sha256:{'cc' * 32}", "application/x-other")
    (models / "manifests" / "registry.ollama.ai" / "library" / "rose" / "broken").write_text("[" * 100_000)
    assert [(source, name) for source, name, _ in listed()] == [
        ("Ollama", "hf.co/acme/iris-GGUF:Q4_K_M"),
        ("Ollama", "rose:3b"),
    ]
    assert Catalog(machine / "own").resolve("rose:3b").path.name == f"sha256-{'aa' * 32}"


def test_a_model_that_lies_in_several_places_is_listed_once(machine):
    own = model(machine / "own" / "Rose-1B.gguf")
    studio = machine / ".lmstudio" / "models" / "acme" / "rose"
    studio.mkdir(parents=True)
    os.link(own, studio / "rose-linked.gguf")
    copied = model(machine / ".cache" / "llama.cpp" / "rose-copied.gguf")
    other = model(machine / ".cache" / "llama.cpp" / "same-size.gguf", context_length=511)
    assert own.stat().st_size == other.stat().st_size
    found = Catalog(machine / "own").models()[1:]
    assert [(m.name, m.copies) for m in found] == [
        ("Rose 1B", (studio / "rose-linked.gguf", copied)),
        ("same size", ()),
    ]
    assert Catalog(machine / "own").resolve("rose-copied").path == own, "its other names lead to it as well"


def test_what_is_no_model_by_itself_is_passed_over_where_it_is_not_ours(machine, listed):
    studio = machine / ".lmstudio" / "models"
    studio.mkdir(parents=True)
    (studio / "mmproj.gguf").write_bytes(gguf({"general.architecture": "clip"}))
    (studio / "cut.gguf").write_bytes(gguf()[:-40])
    assert [name for _, name, _ in listed()] == ["cut"]


def test_links_that_lead_in_circles_and_fifos_hold_nobody_up(machine, listed):
    studio = machine / ".lmstudio" / "models"
    model(studio / "rose.gguf")
    (studio / "again").symlink_to(studio)
    (studio / "loop.gguf").symlink_to("loop.gguf")
    os.mkfifo(studio / "pipe.gguf")
    os.mkfifo(machine / ".lmstudio-home-pointer")
    os.mkfifo(machine / ".lmstudio" / "settings.json")
    assert sorted(name for _, name, _ in listed()) == ["loop", "pipe", "rose"]


def test_only_so_deep_is_looked(tmp_path):
    deep = tmp_path.joinpath(*(["d"] * 12))
    model(deep / "too-deep.gguf")
    model(tmp_path / "d" / "d" / "there.gguf")
    assert [found.path.name for found in walk(tmp_path)] == ["there.gguf"]


def test_a_folder_that_may_not_be_read_is_as_one_that_is_not_there(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("chatapp.engine.places.os.scandir", refuse)
    assert list(walk(tmp_path)) == []


def test_a_disk_that_does_not_answer_is_named_and_the_others_are_listed(tmp_path, monkeypatch):
    monkeypatch.setattr(catalog_module, "PATIENCE", 0.3)
    gone = threading.Event()

    def dead():
        gone.wait()
        yield Found(tmp_path)

    def broken():
        raise OSError(5, "Input/output error")
        yield

    places = [Place("LM Studio", dead), Place("Ollama", broken)]
    found = Catalog(tmp_path, places=lambda: places).models()
    gone.set()
    assert [(m.source, m.problem) for m in found[1:]] == [
        ("LM Studio", "does not answer; its disk may be gone."),
        ("Ollama", "cannot be looked at (Input/output error)."),
    ]


def test_a_machine_with_none_of_them_has_none(machine):
    assert [found for place in elsewhere() for found in place.walk()] == []
    assert Path.home() == machine
