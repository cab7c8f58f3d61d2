"""`chatapp ask --file`: read, fitted, told in the JSON; what cannot be read is refused before anything loads."""

from __future__ import annotations

import signal
import subprocess

import pytest
from test_cli import CHATAPP, assert_refused, call, chatapp, home  # noqa: F401  fixtures


@pytest.fixture
def letter(tmp_path):
    path = tmp_path / "letter.txt"
    path.write_text("The rent is 850 euros.\n")
    return path


def test_files_go_in_beside_what_is_piped(chatapp, letter, tmp_path):  # noqa: F811
    other = tmp_path / "other" / "letter.txt"
    other.parent.mkdir()
    other.write_text("It is due on the third.\n")
    done = chatapp(
        "ask", "How much is it?", "--file", str(letter), "--file", str(other), "--json", "--max-tokens", "4",
        stdin="And when?",
    )  # fmt: skip
    assert done.status == 0, done.err
    assert [file["name"] for file in done.json["files"]] == ["letter.txt", "letter.txt (2)"]
    assert done.json["context"]["files"] > 40
    assert isinstance(done.json["citations"], list)


def test_what_does_not_fit_is_refused_with_numbers_until_one_says_what_to_give(chatapp, tmp_path):  # noqa: F811
    path = tmp_path / "long.txt"
    path.write_text("".join(f"line {number} of a long text about nothing\n" for number in range(2000)))
    asked = ("ask", "About what?", "--file", str(path), "--context", "1024", "--max-tokens", "4", "--json")
    assert_refused(chatapp(*asked), "context", "long.txt has", "--take passages")
    done = chatapp(*asked, "--take", "beginning")
    assert done.status == 0, done.err
    assert "Of long.txt, the model reads its beginning" in done.err
    (file,) = done.json["files"]
    assert 0 < file["characters"] < len(path.read_text())
    assert done.json["context"]["over"] == 0


@pytest.mark.parametrize(("name", "words"), [("none.txt", "no such file"), (".", "folder"), ("a.pdf", "PDF")])
def test_what_cannot_be_read_is_refused(call, tmp_path, name, words):  # noqa: F811
    (tmp_path / "a.pdf").write_bytes(b"no PDF")
    assert_refused(call("ask", "Hi", "--file", str(tmp_path / name), "--json"), "file", "was not read", words)


@pytest.fixture
def diary(tmp_path):
    path = tmp_path / "diary.txt"
    path.write_text(
        "".join(f"Day {day}: boat {day} came in late, and the wind was {day} knots.\n" for day in range(60))
    )
    return path


@pytest.fixture
def by_parts(diary):
    return (
        "ask", "What is it about?", "--file", str(diary), "--take", "parts", "--context", "512", "--temperature",
        "0", "--max-tokens", "4", "--json",
    )  # fmt: skip


def test_a_file_is_read_by_parts_after_ctrl_c_from_where_it_was(chatapp, home, by_parts, diary):  # noqa: F811
    command = [*CHATAPP, *by_parts, "--data-dir", str(home)]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert "part 1 of" in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        rest = running.stderr.read()
        assert running.wait() == 130, rest
        assert "the same command goes on" in rest
    done = chatapp(*by_parts)
    assert done.status == 0, done.err
    assert "part 1 of" in done.err.splitlines()[0]
    assert "was done before" in done.err.splitlines()[0]
    parts = [part for part in done.json["parts"] if part["round"] == 0]
    assert len(parts) >= 3
    assert parts[0]["lines"][0] == 1
    assert parts[-1]["lines"][1] == 60
    text = diary.read_text()
    assert "".join(text[part["start"] : part["end"]] for part in parts) == text
    assert done.json["parts"][-1]["text"] == done.json["text"]
    assert done.json["by_parts"]["done"] == len(parts)
    sessions = chatapp("sessions", "list", "--json").json  # the same one went on
    assert len(sessions) == 1


def test_what_is_not_to_be_saved_leaves_nothing_of_its_parts(chatapp, by_parts):  # noqa: F811
    done = chatapp(*by_parts, "--no-save")
    assert done.status == 0, done.err
    assert chatapp("sessions", "list", "--json").json == []
    assert "was done before" not in chatapp(*by_parts, "--no-save").err
