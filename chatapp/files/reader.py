"""`python -m chatapp.files.reader KIND`: reads the file on fd 0 within limits, and says on fd 1 what is in it."""

from __future__ import annotations

import json
import sys

from chatapp.engine.worker.process import MEBIBYTE, bound_by, isolate
from chatapp.files.docx import read_docx
from chatapp.files.errors import FILE_LIMIT, Unreadable
from chatapp.files.markup import read_html
from chatapp.files.pdf import read_pdf

SECONDS = 60
"""Of work."""
_MEMORY = 1024 * MEBIBYTE
READERS = {"pdf": read_pdf, "docx": read_docx, "html": read_html}


def main() -> None:
    """Read within the limits; who goes beyond them is ended by the system, or runs out of memory."""
    told = isolate()
    bound_by(_MEMORY, SECONDS)
    try:
        document = READERS[sys.argv[1]](sys.stdin.buffer.read(FILE_LIMIT + 1))
        answer: dict[str, object] = {
            "text": document.text,
            "unit": document.unit,
            "starts": document.starts,
        }
    except Unreadable as error:
        answer = {"problem": str(error)}
    except MemoryError:
        answer = {"problem": "it takes too much memory to read"}
    except RecursionError:
        answer = {"problem": "it is nested too deeply"}
    with open(told, "w", encoding="utf-8") as out:  # noqa: PTH123  a descriptor, not a path
        json.dump(answer, out)


if __name__ == "__main__":
    main()
