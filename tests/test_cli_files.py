"""`chatapp ask --file`: read, fitted, told in the JSON; what cannot be read is refused before anything loads."""

from __future__ import annotations

import pytest
from test_cli import assert_refused, call, chatapp, home  # noqa: F401  fixtures


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
