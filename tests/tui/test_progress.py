"""What the status line counts while a reply is written."""

from __future__ import annotations

from chatapp.engine.protocol import Tokens
from chatapp.tui.progress import Progress


def test_the_beginning_that_nobody_drew_is_not_counted_as_drawn():
    """It stands in the prompt, and the context meter would count it twice."""
    progress = Progress()
    progress.hear(Tokens(id=0, text="Once upon", token_ids=(1, 2)))
    assert progress.tokens == 0
    assert progress.state().word == "reading"
    progress.hear(Tokens(id=7, text=" a time", token_ids=(3, 4)))
    assert progress.tokens == 2
