"""`@` offers the files that a person means, and no others; nothing makes the listing endless."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from chatapp.files.listing import inside, listed, written_out
from chatapp.tui.mentions import Finder, mention_in, pasted_path


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def names(folder: Path) -> list[str]:
    return [one.written for one in listed(folder)]


def test_what_git_ignores_is_hidden_or_huge_is_kept_out(tmp_path):
    write(
        tmp_path, "a.md", "src/main.py", "src/out/x.o", "src/keep.o", "node_modules/big.js", ".env", ".git/config"
    )
    write(tmp_path, "log/today.log", "docs/log.md")
    (tmp_path / ".gitignore").write_text("*.log\n/docs\n")
    (tmp_path / "src" / ".gitignore").write_text("*.o\n!keep.o\nout/\n")
    assert names(tmp_path) == ["a.md", "src/keep.o", "src/main.py"]


def test_a_circle_of_links_and_a_slow_disk_end(tmp_path):
    write(tmp_path, "deep/one.txt", "two.txt")
    (tmp_path / "deep" / "loop").symlink_to(tmp_path)
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "self").symlink_to("self")
    assert names(tmp_path) == ["two.txt", "deep/one.txt"]
    assert listed(tmp_path, time.monotonic() - 1) == []
    assert listed(tmp_path / "none") == []


def test_a_folder_that_is_written_out_shows_what_it_holds(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path, "letters/b.pdf", "letters/old/a.pdf", "letters/.hidden")
    assert [one.written for one in inside("~/letters/", tmp_path)] == ["~/letters/old/", "~/letters/b.pdf"]
    assert [one.written for one in inside("~/letters/.", tmp_path)][-1] == "~/letters/b.pdf"
    assert inside(f"{tmp_path}/letters/b", tmp_path)[1].path == tmp_path / "letters" / "b.pdf"
    assert [one.written for one in inside("../", tmp_path / "letters" / "old")] == ["../old/", "../b.pdf"]
    assert (written_out("~/x"), written_out("src/x")) == (True, False)


def test_the_best_fit_comes_first(tmp_path):
    write(tmp_path, "notes.md", "src/my_notes.py", "src/other.py", "docs/notes.txt")
    found = Finder(tmp_path)
    assert [one.written for one in found.fitting("notes")] == ["notes.md", "docs/notes.txt", "src/my_notes.py"]
    assert [one.written for one in found.fitting("src/o")] == ["src/other.py"]
    assert found.fitting("zebra") == []


@pytest.mark.parametrize(
    ("before", "typed"),
    [
        ("@", ""),
        ("compare @src/ma", "src/ma"),
        ('see @"my let', "my let"),
        ("(@x", "x"),
        ("mail me@home.org", None),
        ("@a and", None),
        ("no", None),
        ('@"done" ', None),
    ],
)
def test_a_mention_begins_with_an_at_behind_a_blank(before, typed):
    found = mention_in(before)
    assert (found.typed if found else None) == typed
    assert found is None or before[len(before) - found.length] == "@"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/home/me/a.txt\n", "/home/me/a.txt"),
        ("'/home/me/my file.txt'", "/home/me/my file.txt"),
        (r"/home/me/my\ file\ \(1\).txt", "/home/me/my file (1).txt"),
        ("file:///home/me/my%20file.txt", "/home/me/my file.txt"),
        ("~/a.txt", "~/a.txt"),
        ("a/b.txt", ""),
        ("/one\n/two", ""),
        ("about /etc/passwd", ""),
        ("/" + "x" * 5000, ""),
    ],
)
def test_a_pasted_path_is_told_from_text(text, path):
    assert pasted_path(text) == path
