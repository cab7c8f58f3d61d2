"""The log: what happened, never what was said. Nothing of it is ever printed."""

from __future__ import annotations

import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

LIMIT = 2**20
"""Bytes; a log that has grown so long is set aside."""


class _PrivateFile(RotatingFileHandler):
    """A file that only its owner can read, made when there is something to say."""

    def _open(self) -> Any:
        def opener(path: str, flags: int) -> int:
            return os.open(path, flags, 0o600)

        return open(self.baseFilename, self.mode, encoding=self.encoding, errors=self.errors, opener=opener)


def log_to(path: Path) -> None:
    """Write what this process logs to a file, and nowhere else."""
    handler = _PrivateFile(path, maxBytes=LIMIT, backupCount=1, encoding="utf-8", delay=True, errors="replace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("chatapp")
    logger.setLevel(logging.INFO)
    for before in list(logger.handlers):
        logger.removeHandler(before)
        before.close()
    logger.addHandler(handler)  # which also keeps Python from printing warnings by itself
