"""How many lines each message takes, and which message stands at a line.

A Fenwick tree: a change, a sum of all before, and a search are each logarithmic in the number of messages.
"""

from __future__ import annotations

from collections.abc import Iterable


class HeightIndex:
    """Heights in lines, by position."""

    def __init__(self, heights: Iterable[int] = ()) -> None:
        self._heights = list(heights)
        self._build()

    def _build(self) -> None:
        tree = [0, *self._heights]
        for node in range(1, len(tree)):
            parent = node + (node & -node)
            if parent < len(tree):
                tree[parent] += tree[node]
        self._tree = tree
        self.total = sum(self._heights)

    def __len__(self) -> int:
        return len(self._heights)

    def __getitem__(self, position: int) -> int:
        return self._heights[position]

    def set(self, position: int, height: int) -> int:
        """Change a height and return by how much it changed."""
        change = height - self._heights[position]
        if change:
            self._heights[position] = height
            self.total += change
            node = position + 1
            while node < len(self._tree):
                self._tree[node] += change
                node += node & -node
        return change

    def append(self, height: int) -> None:
        """Add a height at the end."""
        node = len(self._tree)
        # A node sums the heights that its lowest bit spans; those before it are summed by smaller nodes.
        self._tree.append(height + self.top(node - 1) - self.top(node - (node & -node)))
        self._heights.append(height)
        self.total += height

    def remove(self, position: int) -> None:
        """Take a height out; linear, unlike the rest."""
        del self._heights[position]
        self._build()

    def top(self, position: int) -> int:
        """The line at which a position begins: the sum of all heights before it."""
        lines = 0
        while position:
            lines += self._tree[position]
            position -= position & -position
        return lines

    def find(self, line: int) -> tuple[int, int]:
        """The position that covers a line, and the line within it; past the end, the last line there is."""
        line = max(0, min(line, self.total - 1))
        position, step = 0, 1 << len(self._heights).bit_length()
        while step:
            further = position + step
            if further < len(self._tree) and self._tree[further] <= line:
                position, line = further, line - self._tree[further]
            step >>= 1
        return min(position, max(0, len(self._heights) - 1)), line
