"""What hostile text may hold, and the real app with an engine that says a given text.

`python hostile.py TEXT [flags]` runs the app; its engine says the text of that file, in pieces cut anywhere.
"""

from __future__ import annotations

import sys
from functools import partial
from itertools import cycle
from pathlib import Path

from benchmarks.metronome import Metronome
from chatapp.cli import main
from chatapp.engine.client import Engine
from chatapp.engine.protocol import Generate
from chatapp.tui import desk

ESC, ST, BEL = "\x1b", "\x1b\\", "\x07"

PAYLOADS = (
    # Cursor, screen, modes, keys, mouse, scrolling, resizing, printing, resets.
    *(
        f"{ESC}[{end}"
        for end in ("2J", "H", "999;999H", "31m", "?1049l", "?25l", "?2004l", "?1003h", ">31u", "3;5r")
    ),
    *(
        f"{ESC}[{end}"
        for end in ("8;1;1t", "21t", "5i", "4i", "!p", "?5h", "6 q", "2 T", "1$r", "'z", "9b", "0;1;2|")
    ),
    # Questions whose answers would be typed into the app.
    *(f"{ESC}[{end}" for end in ("5n", "6n", "?6n", "c", ">c", "=c", "?2026$p", "18t", "?u", "0x")),
    # Title, palette, folder, link, notification, colours, fonts, clipboard, prompt marks, files.
    f"{ESC}]0;pwned{BEL}",
    f"{ESC}]2;pwned{ST}",
    f"{ESC}]4;1;rgb:00/00/00{BEL}",
    f"{ESC}]7;file://evil/tmp{ST}",
    f"{ESC}]8;;http://evil.example{ST}click{ESC}]8;;{ST}",
    f"{ESC}]9;pwned{BEL}",
    f"{ESC}]10;?{BEL}",
    f"{ESC}]11;?{ST}",
    f"{ESC}]50;?{BEL}",
    f"{ESC}]52;c;cHduZWQ={BEL}",
    f"{ESC}]52;c;?{ST}",
    f"{ESC}]133;A{ST}",
    f"{ESC}]777;notify;a;b{BEL}",
    f"{ESC}]1337;File=inline=1:AAAA{BEL}",
    # Strings for devices, applications and nobody.
    f"{ESC}P$qm{ST}",
    f"{ESC}P+q544e{ST}",
    f"{ESC}P0;1|17/ab{ST}",
    f"{ESC}_Ga=T,f=24;AAAA{ST}",
    f"{ESC}^private{ST}",
    f"{ESC}Xstring{ST}",
    f"{ESC}c",
    f"{ESC}7{ESC}8{ESC}M{ESC}D",
    f"{ESC}#8",
    f"{ESC}(0qqq{ESC}(B",
    f"{ESC}%G{ESC}=",
    f"{ESC}Z",
    # The same in one character each.
    "\x9b31m\x9b5n",
    "\x9d0;pwned\x9c",
    "\x9d52;c;cHduZWQ=\x07",
    "\x90$qm\x9c",
    "\x9fGa=T;AAAA\x9c\x9e\x98\x85\x84",
    # Never ended, or ended oddly.
    f"{ESC}",
    f"{ESC}[",
    f"{ESC}]0;never ended",
    f"{ESC}P never ended",
    f"{ESC}]52;c;{ESC}]0;inside{BEL}",
    f"{ESC}{ESC}[{ESC}[31m",
    f"{ESC}[200~",
    # Reading order, and what cannot be seen.
    "abc\u202edcba\u202c",
    "\u2066a\u2067b\u2068c\u2069",
    "a\u200eb\u200fc\u061cd",
    "a\u200bb\u2060c\ufeffd",
    "a\U000e0041\U000e0042\U000e007fb",
    "a\u2028b\u2029c",
    "Z" + "\u0301\u0302\u0303" * 12,
    # Lone control characters.
    "over\rwritten",
    "back\b\b\b\bspace",
    "bell\a bell\a",
    "nothing\0here",
    "delete\x7fd",
    "\x05\x0e\x0f\x18\x1a shift\x0b\x0c",
    # Markup of Textual and Rich.
    "[red]red[/red]",
    "[@click=app.quit]quit me[/]",
    "[@click=app.leave]leave me[/]",
    "[@click='screen.new']new me[/]",
    "[/]",
    "[/nothing]",
    "[bold",
    r"\[escaped] [link=http://evil.example]x[/link]",
    "$primary [$accent]theme[/] %s {0} {{7*7}}",
    # Markdown and HTML that would make some of the above.
    "&#27;]52;c;cHduZWQ=&#7;",
    "&#x1b;[2J&#155;31m&#0;&#x202e;abc",
    "[link](javascript:alert(1)) [run](file:///bin/sh)",
    "[a\x1b[31m](http://evil.example/\x1b]0;x\x07)",
    "<http://evil.example/\x1b[2J> http://evil.example/\u202egpj.exe",
    "![image](http://evil.example/a.png)",
    "`code \x1b[31m\x9b5n`",
    "<script>alert(1)</script><a href='http://evil.example'>x</a>",
)


def label(number: int) -> str:
    """How a payload is found again on the screen."""
    return f"p{number:02}"


LABELLED = tuple(f"{label(number)} {payload}" for number, payload in enumerate(PAYLOADS))


class Mouth(Metronome):
    """Says a text as fast as it can: character by character, the next time in pieces of seven."""

    def __init__(self, text: str) -> None:
        super().__init__("", 1e6)
        self._ways = cycle([text[start : start + size] for start in range(0, len(text), size)] for size in (1, 7))

    def _speak(self, request: Generate) -> None:
        self._words = next(self._ways)
        super()._speak(request)


if __name__ == "__main__":
    path, *flags = sys.argv[1:]
    if flags == ["--speak"]:
        Mouth(Path(path).read_bytes().decode()).run()
    else:
        desk.Engine = partial(Engine, command=[sys.executable, __file__, path, "--speak"])
        sys.exit(main(flags))
