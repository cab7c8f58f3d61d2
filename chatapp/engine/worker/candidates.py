"""The candidates for the next token, as llama.cpp's samplers want them: an array that they sort, cut and bend."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from llama_cpp import llama_cpp as L  # noqa: N812

_WIDEST_HEAD = 4096
_MARGINS = 6
"""How often the margin is widened before all candidates are taken."""
_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)], align=True)


class Candidates:
    """One array for a whole vocabulary, used again for each token."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._all = np.empty(size, _CANDIDATE)
        self._ids = np.arange(size, dtype=np.int32)
        self._array = L.llama_token_data_array()
        self._margin = 8.0
        """How far below the best logit the likeliest tokens were looked for last."""

    def load_likeliest(self, logits: Any, count: int, best: float) -> None:
        """Begin with the `count` likeliest tokens and some more: top-k leaves the same of them as of all.

        `best` is the highest logit.

        Handing a whole vocabulary to a sampler takes as long as all that follows. Where likeliest tokens tie,
        their order is the sampler's own, so that it is given all.
        """
        for _ in range(_MARGINS):
            head = np.flatnonzero(logits > best - self._margin)
            if len(head) > count:
                break
            self._margin *= 1.5
        else:
            self.load(logits)
            return
        if len(head) > max(_WIDEST_HEAD, 8 * count):
            self._margin /= 1.5
        values = logits[head]
        part = self._all[: len(head)]
        part["id"] = head
        part["logit"] = values
        self._point_at(part, ordered=False)
        if not self.has_distinct(count):
            self.load(logits)

    def load(self, logits: Any) -> None:
        """Begin with every token; `logits` has the shape (vocabulary,)."""
        self._all["id"] = self._ids
        self._all["logit"] = logits
        self._point_at(self._all, ordered=False)

    def these(self, ids: Any) -> None:
        """Begin with some tokens, in an array of shape (n,) or a list; their logits are of no interest."""
        part = self._all[: len(ids)]
        part["id"] = ids
        part["logit"] = 0.0
        self._point_at(part, ordered=False)

    def keep(self, possible: Any) -> None:
        """Take those out that are not possible, by a mask of shape (vocabulary,)."""
        view = self._view()
        kept = view[possible[view["id"]]]
        self._all[: len(kept)] = kept
        self._point_at(self._all[: len(kept)], ordered=self._array.sorted)

    def has_distinct(self, count: int) -> bool:
        """Whether there are more than so many, and no two of the likeliest of them, nor the next, are equal."""
        logits = self.logits()
        if len(logits) <= count:
            return False
        likeliest = np.sort(logits)[-count - 1 :]
        return not (likeliest[1:] == likeliest[:-1]).any()

    def apply(self, sampler: Any) -> None:
        """Let a sampler do its work."""
        L.llama_sampler_apply(sampler, ctypes.byref(self._array))

    def __len__(self) -> int:
        return int(self._array.size)

    def ids(self) -> Any:
        """The survivors' ids, shape (n,); a view that the next sampler may overwrite."""
        return self._view()["id"]

    def logits(self) -> Any:
        """The survivors' logits, shape (n,); a view that the next sampler may overwrite."""
        return self._view()["logit"]

    def drop_impossible(self) -> None:
        """Take those out whose logit is minus infinity."""
        view = self._view()
        possible = view["logit"] > -np.inf
        if not possible.all():
            kept = view[possible]
            self._all[: len(kept)] = kept
            self._point_at(self._all[: len(kept)], ordered=self._array.sorted)

    def keep_likeliest(self) -> None:
        """Leave only the likeliest with a chance, the lower id where several are; the others stay impossible."""
        view = self._view()
        best = view["id"][view["logit"] == view["logit"].max()].min()
        view["logit"][view["id"] != best] = -np.inf
        self._array.sorted = False

    def _point_at(self, data: Any, *, ordered: bool) -> None:
        array = self._array
        array.data = ctypes.cast(data.ctypes.data, L.llama_token_data_p)
        array.size, array.selected, array.sorted = len(data), -1, ordered

    def _view(self) -> Any:
        # A sampler may have pointed `data` at another place.
        address = ctypes.cast(self._array.data, ctypes.c_void_p).value or 0
        memory: Any = (ctypes.c_char * (self._array.size * _CANDIDATE.itemsize)).from_address(address)
        return np.frombuffer(memory, _CANDIDATE)


def logits_at(address: int, size: int) -> Any:
    """A view of llama.cpp's logits, shape (size,)."""
    memory: Any = (ctypes.c_char * (size * 4)).from_address(address)
    return np.frombuffer(memory, np.float32)
