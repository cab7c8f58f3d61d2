"""A results file after a kill at any byte: every row exactly once, and what changed is said."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.batch.journal import Job, open_journal, progress_of
from chatapp.batch.rows import Row
from chatapp.errors import Refusal

JOB = Job(made_with={"persona": "p", "model": "m"}, seed=7)
HEAD = b"row,result\n"
ROWS = [Row(number, "-", f"text {number}") for number in range(1, 7)]


def _line(row):
    return f"{row.number},{'é' * row.number}\n".encode()


WHOLE = HEAD + b"".join(map(_line, ROWS))


def _go_on(path, rows=ROWS, job=JOB, **how):
    """Do what is left; the rows that were."""
    with open_journal(path, job, HEAD, **how) as journal:
        left = [row for row in rows if row.number not in journal.done]
        for row in left:
            journal.add(row, _line(row), failed=False)
        return left, journal.cut


@given(results=st.integers(0, len(WHOLE)), progress=st.integers(1, 1200))
@settings(max_examples=150, deadline=None)
def test_wherever_the_two_files_end_every_row_is_there_once(results, progress, tmp_path_factory):
    """The results may end in mid-row after a kill, or before what the other file promises after a power cut."""
    path = tmp_path_factory.mktemp("out") / "out.csv"
    _go_on(path)
    beside = progress_of(path)
    first = beside.read_bytes().index(b"\n") + 1
    path.write_bytes(WHOLE[:results])
    beside.write_bytes(beside.read_bytes()[: first + progress])
    _go_on(path)
    assert path.read_bytes() == WHOLE
    assert _go_on(path) == ([], 0)


def test_a_row_that_was_not_finished_is_cut_off_and_done_again(tmp_path):
    path = tmp_path / "out.csv"
    _go_on(path, ROWS[:3])
    with path.open("ab") as file:
        file.write(b"4,half a ro")
    left, cut = _go_on(path)
    assert ([row.number for row in left], cut) == ([4, 5, 6], 11)
    assert path.read_bytes() == WHOLE


def test_a_file_that_no_run_began_is_left_as_it_is(tmp_path):
    path = tmp_path / "out.csv"
    path.write_bytes(b"my own work\n")
    with pytest.raises(Refusal, match="no run began it"):
        _go_on(path)
    assert path.read_bytes() == b"my own work\n"
    assert not progress_of(path).exists()
    _go_on(path, overwrite=True)
    assert path.read_bytes() == WHOLE


def test_what_was_changed_by_hand_is_noticed(tmp_path):
    path = tmp_path / "out.csv"
    _go_on(path)
    path.write_bytes(WHOLE.replace("3,ééé".encode(), b"3,mine!!"))
    with pytest.raises(Refusal, match="the results of row 3"):
        _go_on(path)


def test_another_persona_is_noticed_and_another_input_is_known(tmp_path):
    path = tmp_path / "out.csv"
    _go_on(path)
    with pytest.raises(Refusal, match="begun with another persona"):
        _go_on(path, job=Job(made_with={"persona": "q", "model": "m"}, seed=7))
    with open_journal(path, JOB, HEAD) as journal:
        assert journal.changed([*ROWS[:2], Row(3, "-", "other")]) == [3, 4, 5, 6]


def test_two_runs_do_not_write_one_file(tmp_path):
    path = tmp_path / "out.csv"
    with open_journal(path, JOB, HEAD), pytest.raises(Refusal, match="Another run"):
        _go_on(path)
