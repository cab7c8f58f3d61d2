"""How the list of sessions looks: its rows, its groups by date, and what stands on a line. Nothing here paints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from rich.style import Style

from chatapp.conversation.session import SessionHead
from chatapp.text import display_line
from chatapp.tui.lines import Line, Span, clip, ends, flow, gap, indent, on, width
from chatapp.tui.look import Look

AHEAD = 100
"""Rows before the end of the list from which on more of it is asked for."""
EDGE = 3
"""Cells left of the titles; the mark of the current session hangs in them."""

Row = tuple[Literal["group", "title", "ending", "blank"], int]
"""What a row of the list holds, and the index of its session (of a group: of its first session)."""

# Names of our own: the machine's locale must not mix its language into ours.
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MINUTE, _WEEK = timedelta(minutes=1), timedelta(days=7)


def moment(head: SessionHead, now: datetime) -> datetime:
    """When the session was last changed, in the zone of `now` (local time when it names none)."""
    return datetime.fromtimestamp(head.updated_ms / 1000, tz=now.tzinfo)


def heading(head: SessionHead, now: datetime) -> str:
    """The heading that a session stands under."""
    return "pinned" if head.pinned else group_of(moment(head, now), now)


def group_of(at: datetime, now: datetime) -> str:
    """The heading of a date; what a wrong clock dates ahead of now counts as today."""
    if at.date() >= now.date():
        return "today"
    if at.date() == now.date() - timedelta(days=1):
        return "yesterday"
    month = _MONTHS[at.month - 1].lower()
    return month if at.year == now.year else f"{month} {at.year}"


def when(at: datetime, now: datetime) -> str:
    """A moment in as few cells as it needs: `now`, `9:12`, `Thu`, `16 Nov`, `16 Nov 2025`."""
    if abs(now - at) < _MINUTE:
        return "now"
    if at.date() >= now.date() - timedelta(days=1):
        return f"{at.hour}:{at.minute:02}"
    if now.date() - at.date() < _WEEK:
        return _DAYS[at.weekday()]
    day = f"{at.day} {_MONTHS[at.month - 1][:3]}"
    return day if at.year == now.year else f"{day} {at.year}"


def lay_out(heads: Sequence[SessionHead], now: datetime, *, roomy: bool) -> list[Row]:
    """The rows of the list, sessions in the order given (newest first)."""
    rows: list[Row] = []
    last = None
    for index, head in enumerate(heads):
        group = heading(head, now)
        if group != last:
            if last is not None and not roomy:
                rows.append(("blank", -1))
            rows += [("group", index), ("blank", -1)] if roomy else [("group", index)]
            last = group
        rows += [("title", index), ("ending", index), ("blank", -1)] if roomy else [("title", index)]
    return rows


class Roll:
    """The rows of the list, the session stood on, and which of the rows are in view."""

    def __init__(self) -> None:
        self.heads: list[SessionHead] = []
        self.rows: list[Row] = []
        self.at = 0
        """Index of the session stood on."""
        self.uid: str | None = None
        """Its uid, by which it is found again when the list changes."""
        self.top = 0
        """The first row in view."""
        self.room = 1
        """How many rows are in view."""
        self.roomy = False
        self._places: list[int] = []

    @property
    def head(self) -> SessionHead | None:
        """The session stood on; none in an empty list."""
        return self.heads[self.at] if self.heads else None

    @property
    def near_end(self) -> bool:
        """Whether the last rows are in view, or nearly."""
        return self.top + self.room >= len(self.rows) - AHEAD

    @property
    def place(self) -> int:
        """The row of the session stood on, counted from the first in view."""
        return self._places[self.at] - self.top

    def arrange(self, now: datetime, *, room: int, roomy: bool) -> None:
        """Lay out the rows anew; the view moves only if the session stood on, or the view itself, did."""
        before = (self._places[self.at] if self.at < len(self._places) else -1), self.room, self.roomy
        self.rows, self.room, self.roomy = lay_out(self.heads, now, roomy=roomy), room, roomy
        self._places = [place for place, (kind, _) in enumerate(self.rows) if kind == "title"]
        found = next((index for index, head in enumerate(self.heads) if head.uid == self.uid), self.at)
        top = self.top
        self.stand_on(found)
        if self._places and (self._places[self.at], room, roomy) == before:
            self.top = top
        self.scroll(0)

    def stand_on(self, index: int) -> None:
        """Go to a session, or to the nearest end of the list, and bring it into view."""
        self.at = max(0, min(index, len(self.heads) - 1))
        self.uid = self.head.uid if self.head else None
        self.reveal()

    def reveal(self) -> None:
        """Scroll as little as shows the session stood on, with its group's heading when it is the first there."""
        if self._places:
            first = self._places[self.at]
            last = first + self.roomy
            heading = max(0, first - 1 - self.roomy)
            first = heading if self.rows[heading][0] == "group" else first
            self.top = max(min(self.top, first), last - self.room + 1)
        self.scroll(0)

    def scroll(self, rows: int) -> None:
        """Move the view by so many rows, as far as the list goes."""
        self.top = max(0, min(self.top + rows, len(self.rows) - self.room))

    def row(self, place: int) -> Row:
        """The row so many below the first in view; a blank one below the end of the list."""
        place += self.top
        return self.rows[place] if place < len(self.rows) else ("blank", -1)


def title_of(head: SessionHead) -> str:
    """The title as it may be drawn."""
    return display_line(head.title).strip() or "Untitled"


def row_line(
    roll: Roll, place: int, now: datetime, look: Look, cells: int, *, current: str | None, focused: bool
) -> Line:
    """The row so many below the first in view."""
    kind, index = roll.row(place)
    if kind == "blank":
        return []
    head = roll.heads[index]
    highlighted = focused and index == roll.at
    if kind == "group":
        return [gap(EDGE), (heading(head, now), look.faint)]
    if kind == "ending":
        return _ending_line(head, look, cells, highlighted=highlighted)
    return title_line(head, now, look, cells, current=head.uid == current, highlighted=highlighted)


def title_line(
    head: SessionHead, now: datetime, look: Look, cells: int, *, current: bool, highlighted: bool
) -> Line:
    """Title, number of leaves when there are several, and when it was last changed."""
    # On the ground of the selection faint would be too faint.
    quiet = look.muted if highlighted else look.faint
    tone = look.strong if current else look.text if highlighted else look.muted
    leaves: Line = [gap(1), (f"‹{head.leaves}›", look.accent if current else quiet)] if head.leaves > 1 else []
    last = _when_span(head, now, look, look.accent if current else quiet)
    room = cells - EDGE - 1 - width([last]) - 1 - width(leaves)
    mark = (" ▎ ", look.accent) if current else gap(EDGE)
    line = [*ends([mark, (clip(title_of(head), room), tone), *leaves], [last], cells - 1), gap(1)]
    return on(line, look.selection, cells) if highlighted else line


def _when_span(head: SessionHead, now: datetime, look: Look, tone: Style) -> Span:
    if head.streaming:
        return "●", look.accent
    if head.has_draft:
        return "draft", look.accent
    return when(moment(head, now), now), tone


def _ending_line(head: SessionHead, look: Look, cells: int, *, highlighted: bool) -> Line:
    """The session's tags, and how its last message ends."""
    tags: Line = [(clip(chips(head.tags), (cells - EDGE) // 2), look.muted), gap(1)] if head.tags else []
    text = clip(display_line(head.ending).strip(), cells - EDGE - 1 - width(tags))
    line: Line = [gap(EDGE), *tags, (text, look.muted if highlighted else look.faint)]
    return on(line, look.selection, cells) if highlighted else line


def head_line(tag: str, look: Look, cells: int) -> Line:
    """The title of the list, and the tag that it is narrowed to."""
    name = clip(chips([tag]), cells - EDGE - 12) if tag else ""
    return [*ends([gap(EDGE), ("Sessions", look.muted)], [(name, look.accent)], cells - 1), gap(1)]


def tags_line(head: SessionHead, look: Look, cells: int) -> Line:
    """What a session is tagged with."""
    return [gap(EDGE), (clip(chips(head.tags), cells - EDGE - 1), look.muted)]


def chips(tags: Sequence[str]) -> str:
    """Tags as they stand beside a title."""
    return " ".join(f"#{display_line(tag)}" for tag in tags)


def empty_lines(look: Look, cells: int, tag: str = "") -> list[Line]:
    """What stands in the list when it is empty."""
    said = "No session carries this tag. f shows all." if tag else "No sessions yet. Write something."
    return indent(flow([(said, look.faint)], cells - EDGE - 1), EDGE)


def trash_lines(look: Look, cells: int) -> list[Line]:
    """What stands below the list after a session went to the trash: one line, or a line a sentence."""
    what: Line = [("Moved to the trash.", look.muted)]
    now: Line = [("u", look.text), (" brings it back.", look.muted)]
    one = [gap(EDGE), *what, gap(1), *now]
    return [one] if width(one) < cells else [[gap(EDGE), *what], [gap(EDGE), *now]]


def model_line(model: str, quantisation: str, look: Look, cells: int) -> Line:
    """The model that answers."""
    small = display_line(quantisation)
    name = clip(display_line(model), cells - EDGE - 2 - len(small))
    return [gap(EDGE), (name, look.muted), gap(1), (small, look.faint)]
