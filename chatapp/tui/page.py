"""The page's edges, shared by all that stands on it: running head, transcript, composer, status line."""

from __future__ import annotations

MEASURE = 92
NARROW = 76


def page_geometry(width: int) -> tuple[int, int]:
    """Where the page stands in a column.

    Args:
        width: Cells of the column.

    Returns:
        The first cell, where marks hang, and the measure in cells; prose starts two cells further and is two
        cells narrower.
    """
    margins = 6 if width < NARROW else 8
    measure = max(8, min(MEASURE, width - margins))
    return max(0, (width - measure) // 2), measure
