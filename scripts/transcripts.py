"""`python -m scripts.transcripts`: what the assistant does with the embedded model, run for real, into a document.

Every command below is run as it is printed, in a folder of its own; nothing of its output is changed but the ids
of reminders, which are random.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "transcripts.md"
LETTER = (
    ["City Housing Office", "Reference CH-7781", "Dear Mr Olsen,", "the rent of your flat rises to 640 euros."],
    ["The new rent is due from 1 May.", "Please sign the form and send it back by 20 March.", "A. Berg"],
)
VERDICTS = ("was wonderful", "was dirty and loud", "made us all happy", "was late again", "was lovely")
SECONDS = 300


def letter(pages: tuple[list[str], ...]) -> bytes:
    """A PDF with a few lines of text on each page."""
    kids = " ".join(f"{4 + 2 * place} 0 R" for place in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for place, lines in enumerate(pages):
        text = " ".join(f"({line}) Tj 0 -16 Td" for line in lines)
        stream = f"BT /F1 12 Tf 72 720 Td {text} ET"
        font = "/Resources << /Font << /F1 3 0 R >> >>"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] {font} /Contents {5 + 2 * place} 0 R >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    written, offsets = "%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        offsets.append(len(written))
        written += f"{number} 0 obj\n{one}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer << /Size {size} /Root 1 0 R >>\nstartxref\n"
    return f"{written}{end}{len(written)}\n%%EOF\n".encode("latin-1")


class Shell:
    """Runs commands in a folder, and keeps what a person would see of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = {**os.environ, "TZ": "Europe/Berlin", "CHATAPP_DATA_DIR": str(folder / "data")}
        self.seen: list[str] = []

    def run(self, *words: str, stdin: str = "", shown: str = "") -> str:
        """Run a command to its end; what it says on both outputs is seen, and returned."""
        done = subprocess.run(
            [sys.executable, "-m", "chatapp", *words],
            cwd=self._folder,
            env=self._environment,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        self._show(shown or " ".join(map(_quoted, words)), done.stdout)
        return done.stdout

    def kill(self, *words: str, results: str, rows: int) -> None:
        """Run a command until so many lines of results are there, and kill it."""
        process = subprocess.Popen(
            [sys.executable, "-m", "chatapp", *words],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        file, end = self._folder / results, time.monotonic() + SECONDS
        while not file.exists() or file.read_bytes().count(b"\n") < rows:
            if time.monotonic() > end:
                raise TimeoutError(results)
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self._show(" ".join(map(_quoted, words)), "Killed\n")

    def _show(self, command: str, said: str) -> None:
        self.seen.append(f"$ chatapp {command}\n{said.rstrip()}".rstrip())

    def told(self) -> str:
        """What was seen since the last time, as a block of code."""
        block = "\n".join(["```", *self.seen, "```"])
        self.seen = []
        return block


def _quoted(word: str) -> str:
    return f'"{word}"' if re.search(r"[\s?,&]", word) else word


def about_a_letter(shell: Shell, folder: Path) -> str:
    """A PDF is asked about."""
    (folder / "letter.pdf").write_bytes(letter(LETTER))
    shell.run(
        "ask",
        "--temperature",
        "0",
        "--max-tokens",
        "60",
        "--file",
        "letter.pdf",
        "What does the rent rise to, and when? Cite the page.",
    )
    shell.run("run", "Letter", "letter.pdf", "--output", "csv", "--seed", "1")
    return shell.told()


def about_rows(shell: Shell, folder: Path) -> str:
    """Rows are classified, killed half-way, and taken up."""
    rows = [
        f"Day {number}: the {what} {VERDICTS[number % 5]}." for number, what in enumerate(["room", "soup"] * 10)
    ]
    (folder / "rows.txt").write_text("\n".join(rows) + "\n")
    command = ("run", "Sentiment", "rows.txt", "--each-line", "-o", "out.csv", "--seed", "3")
    shell.kill(*command, results="out.csv", rows=11)
    shell.run(*command)
    shell.run(*command)
    lines = (folder / "out.csv").read_text().splitlines()
    shell.seen.append("\n".join(["$ head -6 out.csv", *lines[:6]]))
    numbers = [int(line.partition(",")[0]) for line in lines[1:]]
    assert numbers == list(range(1, len(rows) + 1))  # noqa: S101  no row lost, none twice
    return shell.told()


def about_a_reminder(shell: Shell, folder: Path) -> str:
    """A reminder from words to a calendar file."""
    said = shell.run("reminders", "add", "in 1 minute call the landlord about the boiler", "--yes")
    uid = said.split()[-2]
    time.sleep(121)  # it comes at a whole minute
    shell.run("reminders", "due")
    shell.run("reminders", "due")
    shell.run("reminders", "snooze", uid[:6], "tomorrow at 9", shown="reminders snooze ID tomorrow at 9")
    shell.run(
        "reminders",
        "edit",
        uid[:6],
        "every first Monday at 9",
        "--yes",
        shown="reminders edit ID every first Monday at 9 --yes",
    )
    shell.run("agenda")
    shell.run("reminders", "export", "calendar.ics")
    event = (folder / "calendar.ics").read_text().partition("BEGIN:VEVENT")
    shell.seen.append(f"$ sed -n '/BEGIN:VEVENT/,$p' calendar.ics\n{event[1]}{event[2]}".rstrip())
    return shell.told().replace(uid, "ID")


def about_memory(shell: Shell, _folder: Path) -> str:
    """A fact is remembered, and used by a session that begins later."""
    question = (
        "ask",
        "--temperature",
        "0",
        "--max-tokens",
        "60",
        "Who is my landlord? Answer in one sentence.",
    )
    shell.run(*question)
    shell.run("memory", "add", "My landlord is called Ms Okafor.")
    shell.run(*question)
    return shell.told()


PARTS = (
    ("A letter, answered from a PDF", about_a_letter),
    ("Twenty rows, killed half-way and taken up", about_rows),
    ("A reminder: in words, confirmed, due, put off, changed, exported", about_a_reminder),
    ("Something remembered, and used in a new session", about_memory),
)


def main() -> None:
    """Run everything, and write the page; the words around the runs are those that stand there."""
    words = PAGE.read_text("utf-8") if PAGE.exists() else "# Transcripts\n"
    with tempfile.TemporaryDirectory() as name:
        shell = Shell(Path(name))
        for title, act in PARTS:
            block = act(shell, Path(name))
            heading = f"## {title}\n"
            if heading not in words:
                words += f"\n{heading}\n```\n```\n"
            before, _, after = words.partition(heading)
            around, _, rest = after.partition("```\n")
            words = f"{before}{heading}{around}{block}{rest.partition('```')[2]}"
            print(title)
    PAGE.write_text(words, "utf-8")


if __name__ == "__main__":
    main()
