"""The sampling column as something to look at: its view, drawn, and the row stood on."""

from __future__ import annotations

from dataclasses import replace

from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from chatapp.conversation.context import ContextPlan
from chatapp.conversation.sampling import BALANCED, FAMILIES, SHIPPED, InForce, Presets, SettingName, resolve
from chatapp.tui.lines import strip
from chatapp.tui.look import Look, look_of
from chatapp.tui.widgets.sampling.lines import Picture, draw
from chatapp.tui.widgets.sampling.view import LastToken, View

WIDTH, WIDE, WIDE_FROM = 34, 46, 160


class SamplingColumn(Widget):
    """Draws what is in force, and redraws the lines that differ."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._view = View(resolve(BALANCED))
        self._picture: tuple[tuple[Size, Look, View], Picture] | None = None

    def show(
        self,
        in_force: InForce,
        *,
        context: tuple[int, int] | None = None,
        used_seed: int | None = None,
        presets: Presets = SHIPPED,
    ) -> None:
        """Show what is in force now; `context` is tokens used and tokens that there is room for."""
        self._see(force=in_force, context=context, used_seed=used_seed, presets=presets)

    def show_context(self, context: tuple[int, int] | None, plan: ContextPlan | None = None) -> None:
        """Show how full the context window is now, and of what; the settings stay as they are."""
        self._see(context=context, plan=plan)

    def show_token(self, token: LastToken | None) -> None:
        """Show how the last token of a streaming reply was decided, or nothing of the kind."""
        self._see(token=token)

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002
        """The column is wider where the terminal is."""
        return WIDE if viewport.width >= WIDE_FROM else WIDTH

    def render_line(self, y: int) -> Strip:
        """One line of the column, from a drawing that is kept until something in it changes."""
        lines = self._draw().lines
        return strip(lines[y] if y < len(lines) else [], self.size.width, look_of(self.app).ground)

    def _draw(self) -> Picture:
        key = (self.size, look_of(self.app), self._view)
        if self._picture is None or self._picture[0] != key:
            self._picture = key, draw(self._view, look_of(self.app), self.size.width, self.size.height)
        return self._picture[1]

    def _see(self, **changes: object) -> None:
        view = replace(self._view, **changes)  # type: ignore[arg-type]
        if view != self._view:
            before = self._draw().lines
            self._view = view
            for y, (was, line) in enumerate(zip(before, self._draw().lines, strict=True)):
                if was != line:
                    self.refresh(Region(0, y, self.size.width, 1))

    def stand_on(self, name: SettingName) -> None:
        """Put the mark on a setting, unfolding its family."""
        for family in FAMILIES:
            if any(setting.name == name for setting in family.settings):
                self._see(unfolded=self._view.unfolded | {family.name})
        rows = enumerate(self._view.rows)
        self._stand_on(next(at for at, row in rows if getattr(row, "name", None) == name))

    def _stand_on(self, row: int) -> None:
        self._see(at=row, typed=None, refused=False, naming=None, word="")
