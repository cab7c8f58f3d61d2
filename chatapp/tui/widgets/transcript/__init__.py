"""The transcript: questions and replies on one page, laid out and painted line by line."""

from .entry import Entry, Notice
from .lensing import Tint
from .widget import Transcript

__all__ = ["Entry", "Notice", "Tint", "Transcript"]
