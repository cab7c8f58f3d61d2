"""The sampling column, parted by reason: view, lines, column, wishing, entry, values, keys and panel."""

from chatapp.tui.widgets.sampling.panel import SamplingPanel

__all__ = ["SamplingPanel"]
