"""Where text breaks: by cells, at spaces and between ideographs, never inside a character made of several."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate

from rich.cells import split_graphemes

Reach = Callable[[int, int], int]

# One cell each, and nothing that joins: for these, cells are characters.
_PLAIN = re.compile(r"[\n -~\u00a1-\u00ac\u00ae-\u02ff\u2010-\u2027\u2030-\u205e\u2190-\u21ff\u2500-\u257f]*")
_IDEOGRAPH = re.compile("[\u2e80-\ua4cf\uf900-\ufaff\uff00-\uff60\U00020000-\U0003fffd]")


def wrap(text: str, first: int, rest: int) -> list[tuple[int, int]]:
    """Break text into rows of so many cells, the first of another width than the rest.

    Spaces at the beginning of a line stay; those at which a row is broken belong to no row.

    Returns:
        The first character and the end of each row; at least one row.
    """
    reach = _reach(text)
    rows: list[tuple[int, int]] = []
    start = 0
    while True:
        newline = text.find("\n", start)
        end = len(text) if newline < 0 else newline
        while True:
            cells = rest if rows else first
            stop, start = _row(text, start, end, reach(start, cells))
            rows.append((stop[0], stop[1]))
            if start >= end:
                break
        if newline < 0:
            return rows
        start = newline + 1


def chop(text: str, cells: int) -> list[tuple[int, int]]:
    """Break text into rows of so many cells wherever they end, as code must be; at least one row."""
    reach = _reach(text)
    rows: list[tuple[int, int]] = []
    start = 0
    while not rows or start < len(text):
        stop = min(len(text), reach(start, cells))
        rows.append((start, stop))
        start = stop
    return rows


def _row(text: str, start: int, end: int, reach: int) -> tuple[tuple[int, int], int]:
    """One row, and where the next begins."""
    if reach >= end:
        return (start, end), end
    stop = text.rfind(" ", start, reach + 1)
    if _IDEOGRAPH.search(text, max(start, stop), reach + 1):
        stop = _between_ideographs(text, max(start, stop), reach)
    kept = text[start : max(start, stop)].rstrip(" ")
    if not kept:
        kept = text[start:reach]
    following = start + len(kept)
    while following < end and text[following] == " ":
        following += 1
    return (start, start + len(kept)), following


def _between_ideographs(text: str, start: int, reach: int) -> int:
    """The last place after `start`, up to `reach`, with an ideograph on one side."""
    for place in range(reach, start, -1):
        if _IDEOGRAPH.match(text, place) or _IDEOGRAPH.match(text, place - 1):
            return place
    return start


def _reach(text: str) -> Reach:
    """How far a row of so many cells reaches from a character: always past it, never into a joined character."""
    if _PLAIN.fullmatch(text):
        return lambda start, cells: start + max(1, cells)
    graphemes = split_graphemes(text)[0]
    starts = [grapheme[0] for grapheme in graphemes] + [len(text)]
    cells_before = [0, *accumulate(grapheme[2] for grapheme in graphemes)]

    def reach(start: int, cells: int) -> int:
        here = bisect_right(starts, start) - 1
        last = bisect_right(cells_before, cells_before[here] + cells) - 1
        return starts[min(max(last, here + 1), len(starts) - 1)]

    return reach
