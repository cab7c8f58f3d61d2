"""PDF, page by page."""

from __future__ import annotations

import io
import logging
from itertools import accumulate

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from chatapp.conversation.document import Document, Unit
from chatapp.files.errors import TEXT_LIMIT, Unreadable
from chatapp.files.plain import within_limit
from chatapp.text import repair

MOST_PAGES = 5_000


def read_pdf(data: bytes) -> Document:
    """The text of a PDF.

    Raises:
        Unreadable: when it is encrypted, broken, has too many pages, or none that holds text.
    """
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        pages = _pages(data)
    except Unreadable:
        raise
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, OSError) as error:
        # A broken file makes its reader stumble over whatever it meets first.
        raise Unreadable("it is a broken PDF") from error
    text = within_limit("".join(pages))
    if not text.strip():
        raise Unreadable("its pages hold no text; they are probably pictures of it")
    starts = accumulate(map(len, pages[:-1]), initial=0)
    return Document(text, Unit.PAGE, tuple(starts))


def _pages(data: bytes) -> list[str]:
    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable("it is encrypted; save a copy without a password")
    if len(reader.pages) > MOST_PAGES:
        raise Unreadable(f"it has more than {MOST_PAGES:,} pages")
    pages: list[str] = []
    length = 0
    for page in reader.pages:
        text = repair(page.extract_text()).strip("\n") + "\n\n"
        length += len(text)
        pages.append(text)
        if length > TEXT_LIMIT:
            break  # who joins them refuses them
    return pages
