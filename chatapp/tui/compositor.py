"""Composes a screen from its widgets, and asks only those for lines that a change concerns.

Textual's own compositor renders every line of every widget that shares a container with a change, the covered ones
too, whatever little changed. While a reply streams that is most of the work.
"""

from __future__ import annotations

from collections.abc import Iterable

from textual._compositor import Compositor
from textual.geometry import Region
from textual.strip import Strip


class FrugalCompositor(Compositor):
    """Renders what can be seen of a change, and no more."""

    def _get_renders(self, crop: Region | None = None) -> Iterable[tuple[Region, Region, list[Strip]]]:
        """The widgets from front to back, each with its region, the region it is clipped to, and its strips."""
        crop = self.size.region if crop is None else crop
        # Only the lines are cropped: columns are cut where widgets begin and end, and nowhere else.
        lines = Region(0, crop.y, self.size.width, crop.height)
        for widget, (region, clip) in self.visible_widgets.items():
            shown = region.intersection(clip).intersection(lines)
            if not (shown and shown.overlaps(crop)):
                continue
            yield region, shown, widget.render_lines(shown.translate(-region.offset))
            if shown.contains_region(crop):
                return  # whatever is behind is covered
