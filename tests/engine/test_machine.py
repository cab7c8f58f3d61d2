"""Memory that is available: the system's word, and the limits of the container."""

import psutil

from chatapp.engine import machine
from chatapp.engine.machine import available_memory


def group(folder, limit, used, cached, names):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{names[2]} {cached}\n")


def test_the_limit_of_any_group_around_the_process_counts(tmp_path, monkeypatch):
    group(tmp_path / "a", 1000, 400, 100, machine._V2)
    group(tmp_path / "a" / "b", "max", 50, 0, machine._V2)
    membership = tmp_path / "membership"
    membership.write_text("0::/a/b\n")
    monkeypatch.setattr(machine, "_CGROUPS", tmp_path)
    monkeypatch.setattr(machine, "_MEMBERSHIP", membership)
    assert available_memory() == 700
    group(tmp_path / "a", 1000, 2000, 0, machine._V2)
    assert available_memory() == 0


def test_the_older_kind_of_group_counts_too(tmp_path, monkeypatch):
    group(tmp_path / "memory" / "a", 900, 300, 50, machine._V1)
    membership = tmp_path / "membership"
    membership.write_text("9:name=systemd:/\n4:cpu,memory:/a\nnonsense\n")
    monkeypatch.setattr(machine, "_CGROUPS", tmp_path)
    monkeypatch.setattr(machine, "_MEMBERSHIP", membership)
    assert available_memory() == 650


def test_without_groups_it_is_what_the_system_says(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "_MEMBERSHIP", tmp_path / "none")
    assert 0 < available_memory() <= psutil.virtual_memory().total


def test_a_system_that_does_not_tell_is_no_failure(monkeypatch):
    def refuse():
        raise RuntimeError("not here")

    monkeypatch.setattr(machine.psutil, "virtual_memory", refuse)
    assert available_memory() is None
