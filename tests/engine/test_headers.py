"""Headers that were read before."""

import json
import os

import pytest
from tiny_gguf import gguf

from chatapp.engine import headers as headers_module
from chatapp.engine.catalog import Catalog
from chatapp.engine.gguf import NotAModel
from chatapp.engine.headers import Headers


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "state" / "headers.json"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "rose.gguf"
    path.write_bytes(gguf())
    return path


@pytest.fixture
def unread(monkeypatch):
    """From now on no header may be read from its file."""

    def forbid():
        monkeypatch.setattr(headers_module, "read_header", lambda path: pytest.fail(f"{path} was read again"))

    return forbid


def test_a_header_is_read_once_also_across_starts(cache, path, unread):
    first = Headers(cache)
    header = first.read(path)
    fingerprint = first.fingerprint(path)
    first.save()
    assert cache.stat().st_mode & 0o777 == 0o600
    unread()
    again = Headers(cache)
    assert again.read(path) == header
    assert again.fingerprint(path) == fingerprint
    before = cache.stat().st_mtime_ns
    again.save()
    assert cache.stat().st_mtime_ns == before, "nothing new, nothing written"


def test_a_file_that_was_replaced_or_changed_is_read_again(cache, path):
    headers = Headers(cache)
    headers.read(path)
    path.write_bytes(gguf({"llama.context_length": 512}))
    os.utime(path, ns=(1, 1))
    assert headers.read(path).context_length == 512
    path.unlink()
    with pytest.raises(NotAModel, match="does not exist"):
        headers.read(path)


@pytest.mark.parametrize("damage", [b"", b"{", b"null", b'{"format": 1, "entries": {"/x": {}}}', b"\xff" * 100])
def test_a_damaged_file_is_ignored_and_written_anew(cache, path, damage):
    cache.parent.mkdir()
    cache.write_bytes(damage)
    headers = Headers(cache)
    headers.read(path)
    headers.save()
    assert str(path) in json.loads(cache.read_text())["entries"]


def test_what_another_version_read_is_read_anew(cache, path, monkeypatch):
    headers = Headers(cache)
    headers.read(path)
    headers.save()
    monkeypatch.setattr(headers_module, "FORMAT", headers_module.FORMAT + 1)
    assert Headers(cache)._entries == {}


def test_a_file_name_that_is_no_text_is_not_kept_and_harms_nobody(cache, tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.gguf")
    path.write_bytes(gguf())
    headers = Headers(cache)
    headers.read(path)
    headers.save()
    assert json.loads(cache.read_text())["entries"] == {}


def test_two_hundred_models_are_listed_without_reading_one(cache, tmp_path, unread):
    folder = tmp_path / "models"
    folder.mkdir()
    for number in range(200):
        (folder / f"model-{number:03}.gguf").write_bytes(gguf({"llama.context_length": number + 1}))
    assert len(Catalog(folder, Headers(cache), list).models()) == 201
    unread()
    assert len(Catalog(folder, Headers(cache), list).models()) == 201


def test_a_state_folder_that_cannot_be_written_is_no_reason_to_list_nothing(tmp_path):
    (tmp_path / "file").touch()
    models = Catalog(tmp_path, Headers(tmp_path / "file" / "headers.json"), list).models()
    assert [model.source for model in models] == ["comes with chatapp"]
