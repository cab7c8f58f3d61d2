"""The height index answers as a plain list of heights would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from chatapp.tui.widgets.transcript.heights import HeightIndex

heights = some.lists(some.integers(0, 9), max_size=40)
changes = some.lists(
    some.tuples(some.sampled_from(["set", "append", "remove"]), some.integers(0, 99)), max_size=30
)


@given(heights, changes)
def test_tops_and_searches_are_those_of_a_list(start: list[int], steps: list[tuple[str, int]]) -> None:
    index, model = HeightIndex(start), list(start)
    for step, number in steps:
        if step == "append":
            index.append(number)
            model.append(number)
        elif model and step == "set":
            index.set(number % len(model), number)
            model[number % len(model)] = number
        elif model:
            index.remove(number % len(model))
            del model[number % len(model)]
    assert index.total == sum(model)
    assert [index.top(place) for place in range(len(model) + 1)] == [
        sum(model[:place]) for place in range(len(model) + 1)
    ]
    lines = [(place, line) for place, height in enumerate(model) for line in range(height)]
    assert [index.find(line) for line in range(len(lines))] == lines


def test_a_line_past_the_end_is_the_last_one() -> None:
    assert HeightIndex([2, 3]).find(99) == (1, 2)
