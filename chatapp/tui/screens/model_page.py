"""The page that the model browser draws: the models at the left, and the one that one stands on at the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chatapp.engine.catalog import ModelFile
from chatapp.engine.experience import Seen
from chatapp.engine.fit import Fit
from chatapp.text import display_line
from chatapp.tui.lines import Line, keys, width
from chatapp.tui.look import Look
from chatapp.tui.screens.list_page import ListPage, Row
from chatapp.tui.screens.model_lines import (
    OFFER,
    Standing,
    how_many,
    list_lines,
    model_lines,
    offer_lines,
)


class ModelPage(ListPage):
    """Draws the models that were found so far."""

    def __init__(
        self,
        *,
        in_use: str,
        default: str,
        fit: Callable[[ModelFile], Fit | None],
        seen: Callable[[ModelFile], Seen],
    ) -> None:
        super().__init__()
        self.models: list[ModelFile] = []
        self.looking = True
        self.default = default
        self._in_use = in_use
        self._fit = fit
        self._seen = seen
        self._moved = False

    @property
    def here(self) -> ModelFile | None:
        """The model one stands on; none on the offer."""
        return self.models[self.at] if self.at < len(self.models) else None

    @property
    def offer(self) -> bool:
        """Whether the embedded model is missing, and could be fetched."""
        return not self.looking and not any(one.source == "comes with chatapp" for one in self.models)

    def show(self, models: Sequence[ModelFile], *, looking: bool) -> None:
        """Take what was found so far; one goes on standing on the same model."""
        stood_on = str(self.here.path) if self.here and self._moved else self._in_use
        self.models, self.looking = list(models), looking
        self.at = next((i for i, one in enumerate(models) if str(one.path) == stood_on), min(self.at, len(models)))
        self._follow = True
        self.redraw()

    def stand_on(self, index: int) -> None:
        """Go to a place in the list; from then on it is kept while more are found."""
        self._moved = True
        super().stand_on(index)

    def find(self, text: str) -> bool:
        """Stand on the first model whose name has a text in it; whether there is one."""
        wanted = text.casefold()
        place = next((i for i, one in enumerate(self.models) if wanted in one.name.casefold()), None)
        if place is not None:
            self.stand_on(place)
        return place is not None

    def count(self) -> int:
        """How many models there are, with the offer."""
        return len(self.models) + self.offer

    def head(self) -> tuple[str, str]:
        """The title, and how many were found."""
        return "Models", how_many(self.models, looking=self.looking)

    def rows(self, look: Look, cells: int, *, roomy: bool) -> list[Row]:
        """The models, by where they lie."""
        standing = Standing(self.at, self._in_use, self.default)
        return list_lines(self.models, standing, look, cells, roomy=roomy, offer=self.offer)

    def detail(self, look: Look, cells: int) -> list[Line]:
        """The model one stands on."""
        one = self.here
        if one is None:
            return offer_lines(look, cells) if self.offer else []
        return model_lines(one, self._fit(one), self._seen(one), look, cells)

    def in_short(self) -> str:
        """Whether the model fits into memory."""
        fit = self._fit(self.here) if self.here else None
        return fit.verdict if fit else ""

    def key_line(self, look: Look, cells: int) -> Line:
        """The keys, in few words where the terminal is narrow."""
        one = self.here
        verbs: list[tuple[str, str]] = []
        if one is None and self.offer:
            verbs = [("enter", f"fetch {OFFER}")]
        elif one is not None and not one.problem:
            verbs = [("enter", f"load {display_line(one.name)}"), ("d", "make it the default")]
        line = keys(
            [*verbs, ("/", "find, or a path"), ("r", "look again"), ("esc", "page")], look.muted, look.faint
        )
        if width(line) <= cells:
            return line
        verbs = [(key, does.split()[0] if key == "enter" else "default") for key, does in verbs]
        return keys([*verbs, ("/", "path"), ("r", "again"), ("esc", "page")], look.muted, look.faint)
