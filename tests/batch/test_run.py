"""`chatapp run` from the outside: killed and taken up again, with bad rows, a dying engine, and the real model."""

from __future__ import annotations

import csv
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from files.samples import docx, paragraph, pdf

from chatapp.batch.journal import progress_of
from chatapp.cli import main

SCRIPTED = [sys.executable, str(Path(__file__).with_name("scripted_labels.py")), "run"]
PERSONA = """\
---
name: Labels
memory: false
preset: Extract
schema:
  type: object
  properties: {label: {type: string, maxLength: 60}}
  required: [label]
---
Label the text.
"""

VERDICT = """\
---
name: Verdict
memory: false
preset: Extract
schema: {type: object, properties: {verdict: {enum: [good, bad]}}, required: [verdict]}
examples:
  - {user: It is here already., assistant: '{"verdict": "good"}'}
  - {user: It was lost on the way., assistant: '{"verdict": "bad"}'}
---
Is this good or bad news for who ordered something? Say one word.
"""


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    (folder / "personas").mkdir(parents=True)
    (folder / "personas" / "labels.md").write_text(PERSONA)
    (folder / "personas" / "verdict.md").write_text(VERDICT)
    return folder


@pytest.fixture
def command(home, tmp_path):
    """The command line with the scripted engine, started; it ends with the test."""
    started = []

    def start(*argv, stdin=""):
        (tmp_path / "deaths").mkdir(exist_ok=True)
        process = subprocess.Popen(
            [*SCRIPTED, str(tmp_path / "deaths"), "run", *argv, "--data-dir", str(home)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        process.stdin.write(stdin)
        process.stdin.close()
        process.stdin = None
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def _wait_for(path, size, process):
    deadline = time.monotonic() + 60
    while process.poll() is None and (not path.exists() or path.stat().st_size < size):
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_500_rows_killed_at_random_and_taken_up_again_are_there_once_each(command, tmp_path, form):
    texts = [f"text {number}" for number in range(1, 501)]
    inputs, out = tmp_path / "in.txt", tmp_path / f"out.{form}"
    inputs.write_text("\n".join(texts))
    argv = ("Labels", str(inputs), "--each-line", "-o", str(out), "--seed", "3")
    killed = 0
    for _ in range(4):
        process = command(*argv)
        size = out.stat().st_size if out.exists() else 0
        _wait_for(out, size + random.randrange(1, 9_000 if form == "jsonl" else 2_000), process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed += process.returncode == -signal.SIGKILL
    assert killed >= 2
    process = command(*argv)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "going on" in told
    if form == "csv":
        rows = [
            (int(row["row"]), row["input"], row["label"]) for row in csv.DictReader(out.read_text().splitlines())
        ]
    else:
        rows = [(row["row"], row["input"], row["result"]["label"]) for row in _rows(out)]
    assert rows == [(number, text, text.upper()) for number, text in enumerate(texts, start=1)]
    again = command(*argv)
    assert "All 500 rows are done already." in again.communicate(timeout=60)[1]
    assert again.returncode == 0


def test_bad_rows_are_told_with_their_numbers_and_stop_nothing(command, tmp_path):
    rows = [
        '{"text": "fine"}',
        "no json",
        '{"text": "' + "x" * 400 + '"}',
        '{"text": "long one"}',
        '{"text": "last"}',
    ]
    process = command("Labels", "--column", "text", stdin="\n".join(rows))
    out, told = process.communicate(timeout=60)
    assert process.returncode == 0
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["row"] for line in lines] == [1, 2, 3, 4, 5]
    assert [line.get("error", {}).get("kind") for line in lines] == [None, "input", "context", "cut_off", None]
    assert lines[3]["result"] is None
    for number, word in ((2, "JSON"), (3, "too many for the context window"), (4, "cut off")):
        assert any(f"row {number}" in line and word in line for line in told.splitlines())
    assert "5 rows, 3 failed, 1 cut off" in told


def test_documents_are_rows_and_so_are_files_that_cannot_be_read(command, tmp_path):
    (tmp_path / "letter.pdf").write_bytes(pdf(["The first page.", "The second page."]))
    (tmp_path / "plan.docx").write_bytes(docx(paragraph("A plan of words.")))
    (tmp_path / "page.html").write_text("<h1>A head</h1><script>no()</script>")
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    (tmp_path / "note.txt").write_text("plain")
    names = ("letter.pdf", "none.txt", "plan.docx", "page.html", "bad.pdf", ".", "note.txt")
    process = command("Labels", *(str(tmp_path / name) for name in names))
    out, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["source"] for line in lines] == [str(tmp_path / name) for name in names]
    labels = [line["result"]["label"] if "result" in line else line["error"]["message"] for line in lines]
    assert labels[0].split() == ["THE", "FIRST", "PAGE.", "THE", "SECOND", "PAGE."]
    assert labels[1:] == [
        "There is no such file.", "A PLAN OF WORDS.", "A HEAD", "It is a broken PDF.", "It is a folder.", "PLAIN",
    ]  # fmt: skip
    assert "7 rows, 3 failed" in told


def test_the_exit_status_is_1_only_when_every_row_failed(command):
    process = command("Labels", "--column", "text", stdin='{"text": ""}\nbad')
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert len(out.splitlines()) == 2


def test_an_engine_that_dies_costs_one_more_try_of_one_row(command):
    process = command("Labels", "--each-line", stdin="first\ndie 1\nlast\n")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [json.loads(line)["result"]["label"] for line in out.splitlines()] == ["FIRST", "DIE 1", "LAST"]


def test_a_row_that_ends_the_engine_twice_is_a_bad_row(command):
    process = command("Labels", "--each-line", stdin="first\ndie 2\nlast\n")
    out, told = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [json.loads(line).get("error", {}).get("kind") for line in out.splitlines()] == [None, "engine", None]
    assert "row 2: The engine ended twice" in told


def test_a_changed_persona_and_a_changed_input_are_said_before_anything_is_done(command, home, tmp_path):
    inputs, out = tmp_path / "in.txt", tmp_path / "out.jsonl"
    inputs.write_text("one\ntwo\n")
    argv = ("Labels", str(inputs), "--each-line", "-o", str(out))
    assert command(*argv).wait(60) == 0
    before = out.read_bytes()
    inputs.write_text("one\nother\n")
    changed = command(*argv)
    assert "row 2 is done" in changed.communicate(timeout=60)[1]
    inputs.write_text("one\ntwo\nthree\n")
    (home / "personas" / "labels.md").write_text(PERSONA + "Be strict.\n")
    other = command(*argv)
    assert "begun with another persona" in other.communicate(timeout=60)[1]
    assert changed.returncode == other.returncode == 1
    assert out.read_bytes() == before
    (home / "personas" / "labels.md").write_text(PERSONA)
    assert command(*argv).wait(60) == 0  # a row that is new is done, the others are not touched
    assert [row["row"] for row in _rows(out)] == [1, 2, 3]
    assert out.read_bytes().startswith(before)


# The real model -------------------------------------------------------------------------------------------------


def _call(capsys, home, *argv):
    status = main(["run", *argv, "--data-dir", str(home)])
    out, err = capsys.readouterr()
    return status, out, err


def test_20_rows_by_the_real_model_killed_half_way_keep_to_the_schema_and_read_the_persona_once(home, tmp_path):
    inputs, out = tmp_path / "in.txt", tmp_path / "out.jsonl"
    inputs.write_text("".join(f"Parcel {number} came late.\n" for number in range(20)))
    command = [sys.executable, "-m", "chatapp", "run", "Verdict", str(inputs), "--each-line", "-o", str(out)]
    command += ["--data-dir", str(home)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    _wait_for(out, 2_000, process)  # about ten rows
    process.kill()
    process.wait()
    before = len(progress_of(out).read_bytes().splitlines()) - 1
    assert 0 < before < 20
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    assert f"{before} of 20 rows are done" in done.stderr
    lines = _rows(out)
    assert [line["row"] for line in lines] == list(range(1, 21))
    assert len({line["seed"] for line in lines}) == 1
    assert all(line["result"]["verdict"] in {"good", "bad"} and "error" not in line for line in lines)
    first = {0, before}  # those that an engine began with
    assert {place for place, line in enumerate(lines) if line["reused_tokens"] == 0} == first
    warm = [line for place, line in enumerate(lines) if place not in first]
    assert min(line["reused_tokens"] for line in warm) > 50
    assert all(line["evaluated_tokens"] < lines[0]["evaluated_tokens"] / 2 for line in warm)


def test_variations_have_seeds_of_their_own_and_near_duplicates_are_dropped(capsys, home, tmp_path):
    (tmp_path / "in.txt").write_text("It is what it is.\n")
    argv = ("Verdict", str(tmp_path / "in.txt"), "--variations", "6", "--seed", "40")
    status, out, err = _call(capsys, home, *argv, "--temperature", "1.5", "--top-k", "0", "--min-p", "0")
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert len({line["result"]["verdict"] for line in lines}) == len(lines) <= 2
    assert lines[0]["seed"] == 40
    assert {line["seed"] for line in lines} <= set(range(40, 46))
    assert f"{6 - len(lines)} near-duplicates dropped; seed 40" in err
    same, _, refused = _call(capsys, home, *argv)
    assert (same, "At temperature 0" in refused) == (2, True)
