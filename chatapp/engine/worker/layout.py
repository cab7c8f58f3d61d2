"""Where each turn's content stands in the rendered prompt, with contents that cannot turn into special tokens.

Two lone surrogates do the work: no valid text holds one, so no content and no template does. The guard is put
inside of every special token's text in a content, so that the rendered text has special tokens only where the
template put them; it is taken out again after the text was split. The marker stands for a content in a second
rendering, which shows what the template writes around the contents.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from chatapp.conversation.prompt import Turn
from chatapp.engine.worker.template import Adaptation, ChatTemplate, TemplateError

GUARD, _MARKER = "\ud800", "\ud801"
_MARKED = re.compile(f"{_MARKER}(\\d+){_MARKER}")


@dataclass(frozen=True)
class Span:
    """A content in the rendered text, and the token ids that it is known to consist of.

    `dropped` are the blanks at its beginning that the template has left out.
    """

    start: int
    end: int
    token_ids: tuple[int, ...]
    dropped: str = ""


@dataclass
class Layout:
    """A rendered prompt, guards still in it, and the contents whose ids are known, in order."""

    text: str
    spans: list[Span] = field(default_factory=list)

    def append(self, turn: Turn, content: str) -> None:
        """Put a turn's content at the end."""
        start = len(self.text)
        self.text += content
        if turn.token_ids:
            self.spans.append(Span(start, len(self.text), turn.token_ids))

    def cut(self, start: int, end: int) -> Layout:
        """The part from `start` to `end`, without the guards, and with the contents that lie in it as a whole."""

        def moved(position: int) -> int:
            return position - start - self.text.count(GUARD, start, position)

        spans = [
            replace(span, start=moved(span.start), end=moved(span.end))
            for span in self.spans
            if start <= span.start and span.end <= end
        ]
        return Layout(self.text[start:end].replace(GUARD, ""), spans)


class Guards:
    """Breaks the special tokens' texts in contents."""

    def __init__(self, specials: Collection[str]) -> None:
        self._inside = re.compile("|".join(re.escape(text) for text in longest_first(specials)) or r"(?!)")
        self._heads = tuple({text[:cut] for text in specials for cut in range(1, len(text))})
        self._tails = tuple({text[cut:] for text in specials for cut in range(1, len(text))})

    def protect(self, content: str) -> str:
        """The content with a guard wherever it holds a special token, or may complete one with its neighbours."""
        # A loop, because what is left of a broken one may hold another.
        while self._inside.search(content):
            content = self._inside.sub(_broken, content)
        before = GUARD if content.startswith(self._tails) else ""
        after = GUARD if content.endswith(self._heads) else ""
        return f"{before}{content}{after}"


def _broken(match: re.Match[str]) -> str:
    text = match[0]
    return f"{text[0]}{GUARD}{text[1:]}"


def longest_first(texts: Collection[str]) -> list[str]:
    """In the order in which alternatives must be tried, so that a longer one wins."""
    return sorted(texts, key=len, reverse=True)


def plain_layout(turns: Sequence[Turn]) -> Layout:
    """The contents as they are, one after the other."""
    layout = Layout("")
    for turn in turns:
        layout.append(turn, turn.content)
    return layout


def chat_layout(
    turns: Sequence[Turn], template: ChatTemplate, guards: Guards, *, open_last: bool = False
) -> Layout:
    """The turns as the template writes them; with `open_last` the last one is left open.

    Raises:
        TemplateError: when the template cannot render them.
    """
    guarded = _guarded(turns, guards)
    closed = guarded[:-1] if open_last else guarded
    text, adapt = template.render(closed)
    layout = Layout(text, list(_spans(text, adapt(closed), template)))
    if open_last and guarded:
        layout.append(guarded[-1], guarded[-1].content)
    return layout


def _guarded(turns: Sequence[Turn], guards: Guards) -> list[Turn]:
    return [_with_content(turn, guards.protect(turn.content)) for turn in turns]


def _with_content(turn: Turn, content: str) -> Turn:
    return turn.model_copy(update={"content": content})  # unchecked: surrogates would be refused


def _spans(text: str, turns: Sequence[Turn], template: ChatTemplate) -> Iterator[Span]:
    """The contents whose ids are known; one that the template has changed is left out."""
    if any(turn.token_ids for turn in turns):
        for place in _places(text, turns, list, template):
            turn = turns[place.turn]
            if place.whole and turn.token_ids:
                content = text[place.start : place.end]
                dropped = turn.content.partition(content)[0] if content else ""
                yield Span(place.start, place.end, turn.token_ids, dropped)


@dataclass(frozen=True)
class Place:
    """Where the content of a turn stands in the rendered text; `whole` is False where the template changed it."""

    turn: int
    start: int
    end: int
    whole: bool = True


def places(
    turns: Sequence[Turn], template: ChatTemplate, guards: Guards, *, open_last: bool = False
) -> list[Place]:
    """Where the contents stand in the text of `chat_layout`, guards included; those that are found.

    Raises:
        TemplateError: when the template cannot render the turns.
    """
    guarded = _guarded(turns, guards)
    closed = guarded[:-1] if open_last else guarded
    text, adapt = template.render(closed)
    found = list(_places(text, closed, adapt, template))
    if open_last and guarded:
        found.append(Place(len(closed), len(text), len(text) + len(guarded[-1].content)))
    return found


def _places(text: str, turns: Sequence[Turn], adapt: Adaptation, template: ChatTemplate) -> Iterator[Place]:
    """Find the contents by a second rendering, which shows what the template writes around them."""
    # Where turns are joined, an empty one leaves no trace at all.
    joins = len(adapt(turns)) != len(turns)
    marked = [
        turn if joins and not turn.content else _with_content(turn, f"{_MARKER}{index}{_MARKER}")
        for index, turn in enumerate(turns)
    ]
    try:
        pieces = _MARKED.split(template.render_as(adapt(marked)))
    except TemplateError:  # a template that looks into the contents
        return
    # In turn: what the template itself writes, and the index of a content.
    position = len(pieces[0])
    for index, following in zip(map(int, pieces[1::2]), pieces[2::2], strict=True):
        content = _as_rendered(turns[index].content, following, text, position)
        if content is not None:
            yield Place(index, position, position + len(content))
            position += len(content) + len(following)
        elif (found := text.find(following, position)) >= 0:
            yield Place(index, position, found, whole=False)
            position = found + len(following)
        else:
            return


def _as_rendered(content: str, following: str, text: str, position: int) -> str | None:
    """The content as it stands at the position, as it is or stripped; None when it does not."""
    for candidate in (content, content.strip()):
        if text.startswith(candidate + following, position):
            return candidate
    return None
