"""`chatapp next`: how the next token of a text is decided, stage by stage of the sampler chain."""

from __future__ import annotations

import argparse
import random
from typing import Any

from chatapp.cli.engines import run_with_engine
from chatapp.cli.opening import open_home
from chatapp.cli.output import print_json, print_table, read_text
from chatapp.cli.sampling import overrides_of, preset_of
from chatapp.conversation.decision import Decision, Row
from chatapp.conversation.message import Role
from chatapp.conversation.prompt import Turn
from chatapp.conversation.sampling import BALANCED, RANDOM_SEED, SamplingSettings, resolve
from chatapp.engine.client import Engine
from chatapp.home import Home
from chatapp.text import display_token

_SHOWN = 50
_SHOWN_TO_PEOPLE = 12


def run(arguments: argparse.Namespace) -> int:
    """Print the table."""
    arguments.text = read_text(arguments.text, "Nothing to go on from: give a TEXT, or pipe one in.")
    preset = preset_of(arguments, open_home(arguments).presets.all()) or BALANCED
    arguments.settings = resolve(preset, None, overrides_of(arguments)).settings
    return run_with_engine(arguments, _next)


async def _next(arguments: argparse.Namespace, _home: Home, engine: Engine) -> int:
    settings: SamplingSettings = arguments.settings
    seed = random.SystemRandom().getrandbits(31) if settings.seed == RANDOM_SEED else settings.seed
    turns = [Turn(role=Role.USER, content=arguments.text)]
    if arguments.chat and arguments.system:
        turns.insert(0, Turn(role=Role.SYSTEM, content=arguments.system))
    decision = await engine.look.decide(turns, settings, seed, template=arguments.chat, top=_SHOWN)
    if arguments.json:
        print_json(_document(decision))
    else:
        _print_for_people(decision)
    return 0


def _document(decision: Decision) -> dict[str, Any]:
    stages = [
        {
            "sampler": stage.sampler,
            "kept": stage.kept,
            "mass": stage.mass,
            "entropy": stage.entropy,
            "effective": stage.effective,
            "threshold": stage.threshold,
            "candidates": [_candidate(row, place) for row in decision.top(place, _SHOWN)],
        }
        for place, stage in enumerate(decision.stages)
    ]
    draw = decision.draw
    return {
        "prompt_tokens": decision.prompt_tokens,
        "stages": stages,
        "final": [_candidate(row, -1) for row in decision.top(-1, _SHOWN)],
        "draw": {
            "seed": draw.seed,
            "position": draw.position,
            "chance": draw.chance,
            "low": draw.low,
            "high": draw.high,
            "id": draw.token.id,
            "text": draw.token.text,
        },
    }


def _candidate(row: Row, stage: int) -> dict[str, Any]:
    return {"id": row.id, "text": row.text, "bytes": row.hex, "p": row.p[stage]}


def _print_for_people(decision: Decision) -> None:
    """A column for each stage; × where it cut, nothing after that."""
    names = [stage.sampler.replace("_", "-") for stage in decision.stages]
    rows = [("", "candidate", *names)]
    rows += [
        (str(rank), display_token(row.data, special=row.special), *_cells(row))
        for rank, row in enumerate(decision.rows[:_SHOWN_TO_PEOPLE], 1)
    ]
    rows += [
        ("", "kept", *(f"{stage.kept:,}" for stage in decision.stages)),
        ("", "mass left", *(_share(stage.mass) for stage in decision.stages)),
        ("", "effective", *(f"{stage.effective:.1f}" for stage in decision.stages)),
    ]
    print_table(rows)
    draw = decision.draw
    token = display_token(draw.token.data, special=draw.token.special)
    print_table([(f"seed {draw.seed}, position {draw.position} gives {draw.chance:.4f}, which falls to {token}",)])


def _cells(row: Row) -> list[str]:
    gone = next((place for place, p in enumerate(row.p) if p is None), len(row.p))
    return [_share(p or 0.0) if place < gone else "×" if place == gone else "" for place, p in enumerate(row.p)]


def _share(p: float) -> str:
    """A probability with three digits and no zero before the point."""
    return f"{p:.3f}".removeprefix("0") if p < 1 else f"{p:.3f}"
