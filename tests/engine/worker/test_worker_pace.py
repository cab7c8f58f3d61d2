"""How much of a prompt is evaluated at once, by what a few tokens took."""

from __future__ import annotations

import pytest

from chatapp.engine.worker.pace import batch_for

LAYERS = 30


def spans(heaviest, *, once=0.0):
    """A graph with three heavy nodes and five light ones a layer, and one node that comes once."""
    return [*([heaviest] * 3 + [heaviest / 50] * 5) * LAYERS, once]


@pytest.mark.parametrize(
    ("heaviest_ms", "expected"),
    [
        pytest.param(0.3, 512, id="a small model, or a fast machine"),
        pytest.param(1.4, 512, id="just quick enough"),
        pytest.param(1.5, 256, id="just not"),
        pytest.param(6, 64, id="seven thousand million weights on a few cores"),
        pytest.param(500, 32, id="never so few that reading takes for ever"),
    ],
)
def test_the_slower_a_node_the_smaller_the_batch(heaviest_ms, expected):
    assert batch_for(spans(heaviest_ms / 1000), LAYERS, 512) == expected


def test_what_stands_out_once_is_passed_over():
    assert batch_for(spans(0.0003, once=0.5), LAYERS, 512) == 512


def test_a_batch_that_somebody_chose_is_the_largest():
    assert batch_for(spans(0.0003), LAYERS, 100) == 100
    assert batch_for(spans(0.01), LAYERS, 500) == 64
    assert batch_for(spans(0.5), LAYERS, 8) == 8


def test_where_the_nodes_are_not_seen_nothing_is_changed():
    assert batch_for([0.5] * 3, LAYERS, 512) == 512


def test_the_time_of_each_node_is_measured(model):
    """One for each question that llama.cpp asked; the model's graph has many a layer."""
    model.cache.prefill([1] * 8, lambda _done: None, lambda: None)
    model.cache.clear()
    assert len(model.abort.spans) > 10 * model.info.layers
    assert all(span >= 0 for span in model.abort.spans)
