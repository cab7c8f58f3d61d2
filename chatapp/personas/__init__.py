"""Persona files in, personas out: Markdown with front matter, the shipped ones and the user's own, and macros."""

from chatapp.personas.bringing import import_persona
from chatapp.personas.file import BrokenPersona
from chatapp.personas.library import Library, Listed, NoSuchPersona, read_persona, shipped_folder
from chatapp.personas.macros import MACROS, MacroValues, expand, macro_spans
from chatapp.personas.starter import new_persona

__all__ = [
    "MACROS",
    "BrokenPersona",
    "Library",
    "Listed",
    "MacroValues",
    "NoSuchPersona",
    "expand",
    "import_persona",
    "macro_spans",
    "new_persona",
    "read_persona",
    "shipped_folder",
]
