"""The first page: set like a first turn, on the page's own edges, with the model as it loads."""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style

from chatapp.conversation.persona import Persona
from chatapp.engine.fit import memory_size
from chatapp.text import display, display_line
from chatapp.tui.lines import Line, clip, ends, flow, gap, indent, keys, meter
from chatapp.tui.loader import ModelState
from chatapp.tui.look import Look

MEASURE = 62
STEPS = (("verifying", "verified"), ("mapping", "mapped"), ("weights", "weights"), ("warming_up", "warming up"))
KEYS = (
    ("ctrl+o", "{models}"),
    ("ctrl+g", "personas; you start with {persona}"),
    ("ctrl+p", "everything, by name"),
    ("F1", "every key"),
)


def welcome(look: Look, measure: int, model: ModelState, persona: Persona, *, tight: bool) -> list[Line]:
    """The lines of the page; `tight` saves blank lines on a low terminal."""
    wide = min(MEASURE, measure - 2)
    air: list[Line] = [[]] if tight else [[], []]
    lines: list[Line] = [
        [("› ", look.accent), ("chatapp", look.strong)],
        [],
        *indent(
            [
                [("A model of your own, on your own machine.", look.text)],
                [("What you write stays here.", look.muted)],
                *air,
                *_model(look, wide, model),
                *air,
                *_keys(look, model, persona),
            ],
            2,
        ),
    ]
    return lines + greeting(look, measure, persona)


def greeting(look: Look, measure: int, persona: Persona) -> list[Line]:
    """How the persona opens, in italics, if it does."""
    if not persona.greeting.strip():
        return []
    paragraphs = display(persona.greeting).strip().split("\n")
    style = look.text + Style(italic=True)
    return [[], *indent([line for text in paragraphs for line in flow([(text, style)], measure - 2)], 2)]


def _model(look: Look, wide: int, model: ModelState) -> list[Line]:
    file = model.file
    if file is None:
        said = flow([(display(model.problem or "Looking for a model."), look.text)], wide)
        if model.instead is None:
            return said
        name = display_line(f"load {model.instead.name}")
        return [*said, keys((("ctrl+r", name), ("ctrl+o", "another model")), look.muted, look.faint)]
    size = memory_size(file.size)
    name, right = display_line(file.name), f"{size}, {display_line(file.source)}"
    if cell_len(name) + 2 + cell_len(right) > wide:
        right = size
    head = ends([(clip(name, wide - cell_len(right) - 2), look.text)], [(right, look.faint)], wide)
    if model.problem:
        sentence = flow([(display(model.problem), look.err)], wide)
        return [
            head,
            *sentence,
            keys((("ctrl+r", "try again"), ("ctrl+o", "another model")), look.muted, look.faint),
        ]
    share = 1.0 if model.ready else model.share
    rule = meter(share, wide, look.accent if not model.ready else look.track, look.track)
    return [head, rule, _steps(look, wide, model)]


def _steps(look: Look, wide: int, model: ModelState) -> Line:
    if model.ready:
        return [("ready", look.muted)]
    names = [step for step, _ in STEPS]
    here = names.index(model.step) if model.step in names else 0
    line: Line = []
    for place, (_, word) in enumerate(STEPS):
        line += [gap(3)] if line else []
        line.append((word, look.text if place == here else look.faint))
    return ends(line, [(f"{100 * model.share:.0f} %", look.text)], wide)


def _keys(look: Look, model: ModelState, persona: Persona) -> list[Line]:
    models = "other models" if model.file or model.instead else "fetch the small one, or name a GGUF"
    words = {"models": models, "persona": display_line(persona.name)}
    return [[(f"{key:<9}", look.muted), (does.format(**words), look.faint)] for key, does in KEYS]
