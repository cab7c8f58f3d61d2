"""The wheel carries everything that the program needs, and the lock files name everything with its hash."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        yield archive


def _names(folder, pattern):
    return {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob(pattern)}


def test_the_wheel_holds_every_module_and_style(wheel):
    sources = _names("chatapp", "*.py") | _names("chatapp", "*.tcss")
    assert any(name.endswith(".tcss") for name in sources)
    assert sources <= set(wheel.namelist())


def test_the_wheel_holds_the_personas(wheel):
    personas = {f"chatapp/{name}" for name in _names("prompts", "*.md")}
    assert personas
    assert personas <= set(wheel.namelist())


def test_the_wheel_holds_the_command_and_no_tests(wheel):
    (entry,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "chatapp = chatapp.__main__:main" in wheel.read(entry).decode()
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"chatapp"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_file_pins_and_hashes_everything_and_names_no_index(lock):
    entries = re.sub(r"(?m)^\s*#.*\n", "", lock.read_text("utf-8")).replace("\\\n", " ").splitlines()
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9-]+==[^ ]+ .*--hash=sha256:[0-9a-f]{64}", entry), entry
    assert not re.search(r"https?:|--index|--find-links|--extra-index", lock.read_text("utf-8"))


def test_the_locks_cover_what_the_project_declares():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    def names(requirements):
        return {re.match(r"[\w-]+", requirement).group().lower() for requirement in requirements}

    def locked(lock):
        return set(re.findall(r"(?m)^([a-z0-9-]+)==", (ROOT / "requirements" / lock).read_text("utf-8")))

    assert names(project["dependencies"]) <= locked("run.txt") <= locked("dev.txt")
    assert names(project["optional-dependencies"]["dev"]) <= locked("dev.txt")
