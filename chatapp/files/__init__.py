"""Files of people, read into text with places. What is more than plain text is read in a throw-away process."""

from __future__ import annotations

from chatapp.files.errors import FILE_LIMIT, Unreadable
from chatapp.files.reading import Stamp, is_plain, read_bytes, read_file, sentence, stamp

__all__ = ["FILE_LIMIT", "Stamp", "Unreadable", "is_plain", "read_bytes", "read_file", "sentence", "stamp"]
