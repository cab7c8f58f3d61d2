"""The two themes of the house. All of Textual's own stay on offer beside them."""

from __future__ import annotations

from textual.theme import Theme

INK = Theme(
    "ink",
    primary="#7cbcae",
    secondary="#8fa9c9",
    accent="#c9a66b",
    foreground="#dad8d2",
    background="#14161a",
    surface="#1b1e23",
    panel="#23272d",
    success="#93b573",
    warning="#d9a657",
    error="#de7c74",
    dark=True,
)
PAPER = Theme(
    "paper",
    primary="#17695e",
    secondary="#3f5f80",
    accent="#80591a",
    foreground="#26282d",
    background="#f9f8f6",
    surface="#f0eeea",
    panel="#e7e5df",
    success="#476d2c",
    warning="#8f5a08",
    error="#ae352d",
    dark=False,
)
HOUSE_THEMES = (INK, PAPER)
