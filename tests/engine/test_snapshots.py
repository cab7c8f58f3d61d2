"""Snapshots on disk: what was written comes back to the byte, and nothing else ever does."""

from __future__ import annotations

import os
import random
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.engine import snapshots
from chatapp.engine.frames import FrameError, Piece, Unpacker, pack_piece
from chatapp.engine.snapshots import Header, Origin, Snapshots
from chatapp.log import log_to

ORIGIN = Origin(
    model="m" * 64,
    n_ctx=2048,
    n_ubatch=512,
    kv_types=("f16", "f16"),
    flash_attention=True,
    reproducible=False,
    build="0.3.36",
)
IDS = tuple(range(100, 140))
STATE = random.Random(1).randbytes(3000)


def header(size=3000, **changes):
    return Header(origin=ORIGIN.model_copy(update=changes), tokens=len(IDS), batched=30, size=size)


def write(folder, name="abc", state=STATE, **changes):
    writing = folder.write(name, header(len(state), **changes), IDS)
    writing.write(state[:1000])
    writing.write(state[1000:])
    assert writing.commit()


def read(folder, name="abc"):
    """The ids and the bytes of a snapshot that is sound; None of one that is not."""
    snapshot = folder.open(name, ORIGIN)
    if snapshot is None:
        return None
    try:
        return snapshot.header, snapshot.token_ids, b"".join(snapshot.pieces())
    except snapshots.UnsoundError:
        return None
    finally:
        snapshot.close()


@pytest.fixture
def folder(tmp_path):
    return Snapshots(tmp_path / "snapshots", 10_000_000)


@pytest.fixture
def path(folder, tmp_path):
    """The file of a snapshot that was written."""
    write(folder)
    return tmp_path / "snapshots" / "abc.kv"


def test_what_was_written_comes_back(folder, path):
    assert read(folder) == (header(), IDS, STATE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [one.name for one in path.parent.iterdir()] == ["abc.kv"]


def test_nothing_is_there_before_anything_was_written(folder, caplog):
    assert read(folder) is None
    assert not caplog.records


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:4],
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: data[: len(data) // 2],
        lambda data: b"GGUF" + data[4:],
        lambda data: data[:8] + b"\2" + data[9:],
        lambda data: data[:12] + b"\xff\xff\xff\xff" + data[16:],
        lambda data: data.replace(b'"batched":30', b'"batched":-1'),
        lambda data: data.replace(b'"tokens":40', b'"tokens":41'),
        lambda data: data.replace(b'"size":3000', b'"size":9000'),
        lambda data: data[:-32] + bytes(32),
        lambda data: bytes(len(data)),
    ],
    ids=[
        *("empty", "four bytes", "one byte short", "one byte long", "half", "another magic", "another version"),
        *("a long header", "a negative number", "more tokens", "more bytes", "another hash", "zeros"),
    ],
)
def test_a_damaged_one_is_never_given_and_is_said_in_one_line(folder, path, damage, caplog):
    data = path.read_bytes()
    assert damage(data) != data
    path.write_bytes(damage(data))
    assert read(folder) is None
    assert len(caplog.records) <= 1  # a wrong hash is found by whoever reads on


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_no_mutation_is_ever_taken_for_the_truth(tmp_path_factory, data):
    """Bits flipped, bytes put in and taken out, anywhere: read back is what was written, or nothing."""
    place = tmp_path_factory.getbasetemp() / "mutated-snapshots"
    folder = Snapshots(place, 10_000_000)
    write(folder)
    path = place / "abc.kv"
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    match data.draw(st.sampled_from(["flip", "insert", "remove", "cut", "overwrite"])):
        case "flip":
            content[at] ^= 1 << data.draw(st.integers(0, 7))
        case "insert":
            content[at:at] = data.draw(st.binary(min_size=1, max_size=20))
        case "remove":
            del content[at : at + data.draw(st.integers(1, 50))]
        case "cut":
            del content[at:]
        case "overwrite":
            content[at : at + 8] = data.draw(st.binary(min_size=8, max_size=8))
    path.write_bytes(content)
    assert read(folder) in (None, (header(), IDS, STATE))


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "n" * 64},
        {"n_ctx": 4096},
        {"n_ubatch": 256},
        {"kv_types": ("q8_0", "q8_0")},
        {"flash_attention": False},
        {"reproducible": True},
        {"build": "0.3.37"},
    ],
    ids=str,
)
def test_one_of_another_origin_is_passed_over(folder, changes, caplog):
    write(folder, **changes)
    assert read(folder) is None
    [line] = caplog.messages
    assert "abc is passed over" in line


def test_a_link_in_its_place_is_not_followed(folder, path, tmp_path, caplog):
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert read(folder) is None
    assert len(caplog.records) == 1


@pytest.mark.parametrize("name", ["", "../abc", "a/b", "a.b", "ä"])
def test_a_name_is_never_a_path(folder, name):
    with pytest.raises(ValueError, match="not the name"):
        folder.open(name, ORIGIN)


def test_one_that_was_not_finished_leaves_the_one_before(folder, path):
    writing = folder.write("abc", header(), IDS)
    writing.write(b"half")
    assert not writing.commit()
    writing.abandon()
    writing.write(b"too late")
    assert read(folder)[2] == STATE
    assert [one.name for one in path.parent.iterdir()] == ["abc.kv"]


def test_a_disk_that_is_full_costs_nothing_but_the_snapshot(folder, path, monkeypatch):
    writing = folder.write("abc", header(), IDS)
    monkeypatch.setattr(os, "fsync", lambda _handle: (_ for _ in ()).throw(OSError(28, "No space left")))
    writing.write(STATE)
    with pytest.raises(OSError, match="No space"):
        writing.commit()
    writing.abandon()
    assert read(folder)[2] == STATE
    assert [one.name for one in path.parent.iterdir()] == ["abc.kv"]


def test_none_is_written_where_the_chats_would_lack_the_room(folder, monkeypatch, caplog):
    monkeypatch.setattr(snapshots, "RESERVE_BYTES", 2**62)
    assert folder.write("abc", header(), IDS) is None
    assert "no room" in caplog.text


def test_the_quota_holds_and_what_was_used_longest_ago_goes_first(tmp_path):
    folder = Snapshots(tmp_path, 12_000)
    for age, name in enumerate(["one", "two", "three"]):
        write(folder, name)
        os.utime(tmp_path / f"{name}.kv", (1000 + age, 1000 + age))
    assert read(folder, "one"), "used now"
    write(folder, "four")
    assert sorted(path.stem for path in tmp_path.glob("*.kv")) == ["four", "one", "three"]
    assert folder.write("five", header(13_000), IDS) is None


def test_what_a_killed_writer_left_behind_goes_after_an_hour(tmp_path):
    folder = Snapshots(tmp_path, 100_000)
    old, new = tmp_path / ".writing-old", tmp_path / ".writing-new"
    old.write_bytes(b"x")
    new.write_bytes(b"x")
    os.utime(old, (1000, 1000))
    write(folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".writing-new", "abc.kv"]


def test_removed_is_removed(folder, path):
    folder.remove("abc")
    folder.remove("abc")
    assert not path.exists()


# On the pipe ----------------------------------------------------------------------------------------------------


@given(pieces=st.lists(st.binary(max_size=200), max_size=5), cut=st.integers(1, 50))
def test_pieces_pass_the_pipe_however_it_cuts_them(pieces, cut):
    stream = b"".join(pack_piece(number, piece) for number, piece in enumerate(pieces))
    unpacker = Unpacker()
    heard = [one for at in range(0, len(stream), cut) for one in unpacker.feed(stream[at : at + cut])]
    assert heard == [Piece(number, piece) for number, piece in enumerate(pieces)]


@pytest.mark.parametrize("start", [b"\x80\0\0\x07", b"\xff\xff\xff\xff", b"\x04\0\0\x01"])
def test_a_piece_that_cannot_be_is_refused(start):
    with pytest.raises(FrameError):
        Unpacker().feed(start + bytes(20))


def test_the_log_is_private_and_nothing_is_printed(tmp_path, capsys):
    log = tmp_path / "chatapp.log"
    log_to(log)
    assert not log.exists()
    Snapshots(tmp_path, 100).pass_over("abc", "it is cut off")
    assert "abc is passed over: it is cut off" in log.read_text("utf-8")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert capsys.readouterr() == ("", "")
