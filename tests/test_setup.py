"""What a person reads when the set-up cannot go on: a sentence with a way out, never a traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def checkout(tmp_path):
    """A fresh copy of what the set-up needs, and a PATH with nothing on it but a shell's basics."""
    for name in ("scripts", "requirements"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "bin").mkdir()
    for name in ("sh", "dirname"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    return tmp_path


def command(checkout, name, script):
    program = checkout / "bin" / name
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)


def set_up(checkout, *options, **environment):
    run = subprocess.run(
        ["sh", "scripts/setup.sh", *options],
        cwd=checkout,
        env={"PATH": str(checkout / "bin"), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert "Traceback" not in run.stderr + run.stdout
    return run


def compilers(checkout):
    for name in ("cc", "c++"):
        command(checkout, name, "exit 0")


def test_no_python(checkout):
    run = set_up(checkout)
    assert run.returncode == 1
    assert "found no Python at all" in run.stderr


def test_an_old_python_is_named(checkout):
    command(checkout, "python3", 'case "$2" in *version_info\\[*) echo 3.8 ;; *) exit 1 ;; esac')
    run = set_up(checkout)
    assert run.returncode == 1
    assert "needs Python 3.11 or newer" in run.stderr
    assert "python3 is 3.8" in run.stderr


def test_a_python_without_venv(checkout):
    command(checkout, "python3", f'case "$*" in *ensurepip*) exit 1 ;; esac\nexec {sys.executable} "$@"')
    run = set_up(checkout)
    assert run.returncode == 1
    assert "apt install python3-venv" in run.stderr


def test_no_compiler(checkout):
    run = set_up(checkout, PYTHON=sys.executable)
    assert run.returncode == 1
    assert "no working C and C++ compiler" in run.stderr
    assert not (checkout / ".venv").exists()


def test_a_compiler_that_is_only_a_stub(checkout):
    command(checkout, "cc", "exit 1")
    command(checkout, "c++", "exit 1")
    assert "no working C and C++ compiler" in set_up(checkout, PYTHON=sys.executable).stderr


def test_no_network_leaves_a_sentence_and_the_next_try_goes_on(checkout):
    compilers(checkout)
    nowhere = {
        "PYTHON": sys.executable,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "1",
    }
    first = set_up(checkout, **nowhere)
    assert first.returncode == 1
    assert "The package index cannot be reached" in first.stderr
    second = set_up(checkout, **nowhere)
    assert "Creating .venv" in first.stdout
    assert "Creating .venv" not in second.stdout


def test_a_finished_set_up_is_recognised_at_once_and_a_changed_lock_is_not(checkout):
    compilers(checkout)
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)
    note = "import scripts.setup as s; s._write_stamp({**s._place(), 'dev': False, 'locks': s._fingerprint()})"
    subprocess.run([sys.executable, "-c", note], cwd=checkout, check=True)
    nothing_else = {"PYTHON": "no-such-python"}
    assert set_up(checkout, **nothing_else).returncode == 0
    assert set_up(checkout, "--dev", **nothing_else).returncode == 1
    with (checkout / "requirements" / "run.txt").open("a") as lock:
        lock.write("# changed\n")
    assert set_up(checkout, **nothing_else).returncode == 1
