"""What is remembered of each model on this machine."""

import pytest

from chatapp.engine.experience import MOST_MODELS, Experience
from chatapp.engine.fit import NO_LESSON, Lesson
from chatapp.engine.model import MemoryUse


@pytest.fixture
def file(tmp_path):
    return tmp_path / "state" / "seen.json"


def test_speed_and_memory_are_remembered_across_starts(file):
    first = Experience(file)
    assert first.speed("/m.gguf", 100, 31.4, 200, 4)
    assert first.memory("/m.gguf", 100, MemoryUse(cache=7), Lesson(cache=1.5))
    first.save()
    assert file.stat().st_mode & 0o777 == 0o600
    seen = Experience(file).of("/m.gguf", 100)
    assert (seen.tokens_per_s, seen.n_threads, seen.memory.cache, seen.lesson.cache) == (31.4, 4, 7, 1.5)


def test_another_file_at_the_same_path_is_another_model(file):
    seen = Experience(file)
    seen.speed("/m.gguf", 100, 31.4, 200, 4)
    assert seen.of("/m.gguf", 101).tokens_per_s == 0
    assert seen.of("/other.gguf", 100).lesson == NO_LESSON


def test_short_replies_and_what_has_hardly_changed_are_no_news(file):
    seen = Experience(file)
    assert not seen.speed("/m", 1, 50.0, 3, 2)
    assert seen.speed("/m", 1, 50.0, 100, 2)
    assert not seen.speed("/m", 1, 50.5, 100, 2)
    assert seen.speed("/m", 1, 60.0, 100, 2)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"/m": {"size": "x"}}', b"[]", b"\xff\xfe"])
def test_a_damaged_file_is_ignored_and_written_anew(file, damage):
    file.parent.mkdir()
    file.write_bytes(damage)
    seen = Experience(file)
    seen.speed("/m", 1, 50.0, 100, 2)
    seen.save()
    assert Experience(file).of("/m", 1).tokens_per_s == 50


def test_only_so_many_are_remembered_the_latest(file):
    seen = Experience(file)
    for number in range(MOST_MODELS + 3):
        seen.speed(f"/{number}", 1, 50.0, 100, 2)
    assert seen.of("/2", 1).tokens_per_s == 0
    assert seen.of(f"/{MOST_MODELS + 2}", 1).tokens_per_s == 50


def test_without_a_file_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seen = Experience(None)
    seen.speed("/m", 1, 50.0, 100, 2)
    seen.save()
    assert list(tmp_path.iterdir()) == []
