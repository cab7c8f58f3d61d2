"""Finding: the rows of the sheet that searches everything, and the way to a hit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from chatapp.conversation.query import Query, read_query
from chatapp.store import Hit, StoreError
from chatapp.text import counted, display_line, folded
from chatapp.tui.matching import Fit
from chatapp.tui.screens.sheet_rows import Item, Row
from chatapp.tui.widgets.session_lines import when

if TYPE_CHECKING:
    from chatapp.tui.screens.main import MainScreen

MESSAGES = "messages"
FEW_HITS = 3
"""Hits that a session shows beside others; the rest is counted."""
MOST_HITS = 200


async def find_messages(screen: MainScreen, typed: str, only: bool) -> tuple[list[Row], str]:
    """The rows for what was typed, and how many hits they are; all hits of a session where only they are shown."""
    query = read_query(typed, typing=True)
    try:
        hits = await screen.desk.store.search(query, MOST_HITS)
    except StoreError as error:
        return [Row(MESSAGES, Item(MESSAGES, str(error), problem=True), display_line(str(error)))], ""
    sessions: dict[str, list[Hit]] = {}
    for hit in hits:
        sessions.setdefault(hit.session, []).append(hit)
    now = datetime.now().astimezone()
    rows = [row for found in sessions.values() for row in _session_rows(found, query, typed, now, everything=only)]
    said = [Row(MESSAGES, Item(MESSAGES, one, problem=True), display_line(one)) for one in query.passed_over]
    many = f"{len(hits):,}{'+' * (len(hits) == MOST_HITS)}"
    where = f"{many} in {counted(len(sessions), 'session')}" if hits else "nothing"
    return said + rows, "" if query.empty else where


def _session_rows(hits: Sequence[Hit], query: Query, typed: str, now: datetime, *, everything: bool) -> list[Row]:
    """A session's title, and its newest hits below it."""
    title = display_line(hits[0].title) or "Untitled"
    head = Item(MESSAGES, title, right=_when(hits[0].created_ms, now), value=("session", hits[0].session))
    spans = [found.span() for found in query.pattern.finditer(folded(title))] if query.pattern else []
    rows = [Row(MESSAGES, head, title, fit=Fit(1, _places(spans)))]
    shown = hits if everything or len(hits) <= FEW_HITS + 1 else hits[:FEW_HITS]
    for hit in shown:
        item = Item(MESSAGES, hit.snippet, right=_when(hit.created_ms, now), value=("do", _way_to(hit, typed)))
        text, places = _drawn(hit)
        rows.append(Row(MESSAGES, item, text, fit=Fit(2, places), indent=2))
    if len(shown) < len(hits):
        rows.append(Row(MESSAGES, more=len(hits) - len(shown), indent=2))
    return rows


def _drawn(hit: Hit) -> tuple[str, frozenset[int]]:
    """The snippet as it is drawn, with the places of its marks: it may be shorter than what was said."""
    text, begin = "", 0
    spans: list[tuple[int, int]] = []
    for first, last in hit.marks:
        text += display_line(hit.snippet[begin:first])
        marked = display_line(hit.snippet[first:last])
        spans.append((len(text), len(text) + len(marked)))
        text, begin = text + marked, last
    return text + display_line(hit.snippet[begin:]), _places(spans)


def _places(spans: Iterable[tuple[int, int]]) -> frozenset[int]:
    return frozenset(place for begin, end in spans for place in range(begin, end))


def _when(milliseconds: int, now: datetime) -> str:
    return "" if not milliseconds else when(datetime.fromtimestamp(milliseconds / 1000, tz=now.tzinfo), now)


def _way_to(hit: Hit, typed: str) -> Callable[[MainScreen], None]:
    """Goes to a hit when it is chosen."""

    def go(screen: MainScreen) -> None:
        screen.run_worker(go_to_hit(screen, hit, typed), group="open", exclusive=True)

    return go


async def go_to_hit(screen: MainScreen, hit: Hit, typed: str) -> None:
    """Bring a message into view, its branch with it, and mark the words it was found by."""
    if screen.chat.session.uid != hit.session:
        await screen.open_session(hit.session)
    tree = screen.chat.session.tree
    message = next((one for one in tree.all() if one.uid == hit.message), None)
    if screen.chat.session.uid != hit.session or message is None:
        screen.tell_trouble("This message is not there any more.")
        return
    with screen.page.trouble_told():
        if not await screen.page.bring_into_view(message):
            screen.tell_trouble(
                "The message is on another branch, and a reply is being written here; esc stops it."
            )
            return
        screen.page.mark(typed)
        screen.page.transcript.go_to_hit(message.id)
        screen.page.transcript.focus()
