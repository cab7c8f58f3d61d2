"""Texts that are fed to a transcript."""

from __future__ import annotations

from hypothesis import strategies

from chatapp.tui.widgets.transcript import Entry

PIECES = [
    *("# head\n", "## h **b** `c`\n", "para *em* text ", "**bold", "**", "`", "```", "```python\n", "\n```\n"),
    *("\n", "\n\n", "- a", "- ", "  - b", "1. x", "10) y", "> q ", "> ", ">> z", "| a | b |\n", "|---|--:|\n"),
    *("| 1 | 2 | 3 |\n", "---", "===", "<b>html</b>", "<div>\n", "[l](http://x)", "![i](u)", "[ref]: http://y\n"),
    *(
        "日本語",
        "👍🏽",
        "👨‍👩‍👧",
        "❤️",
        "e\u0301",
        "\t",
        "    code",
        "~~~",
        "a" * 150,
        " ",
        "\\*",
        "&amp;",
        "~~s~~",
    ),
    *("\x1b[31m", "\x9b2J", "\u202e", "&#27;[0m", "&#x202e;", "\u200d", "\ufe0f", "def f():\n    return 1\n\n"),
]
markdown = strategies.lists(strategies.sampled_from(PIECES) | strategies.text(max_size=8), max_size=40).map(
    "".join
)
widths = strategies.sampled_from([6, 10, 30, 70, 90])


def chat(turns: int) -> list[Entry]:
    """Questions and replies, of several lines each."""
    entries: list[Entry] = []
    for turn in range(turns):
        entries.append(Entry(2 * turn, asks=True, text=f"Question {turn}?"))
        text = (
            f"Reply {turn} begins.\n\n" + f"Sentence {turn} goes on and on. " * 12 + f"\n\n- item\n- end of {turn}"
        )
        entries.append(Entry(2 * turn + 1, asks=False, text=text))
    return entries
