"""`chatapp run`: one persona over many inputs, resumable."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import cast

from chatapp.batch.inputs import STDIN, read_inputs
from chatapp.batch.journal import Job, Journal, digest_of, open_journal
from chatapp.batch.results import Format, Result, Shape, Tally, columns_of
from chatapp.batch.rows import Row, Source, read_rows
from chatapp.batch.running import Runner, Work
from chatapp.cli.engines import stop_on_signals
from chatapp.cli.opening import open_home
from chatapp.cli.output import note
from chatapp.cli.progress import Progress
from chatapp.cli.sampling import overrides_of, preset_of
from chatapp.conversation.sampling import RANDOM_SEED, SamplingSettings
from chatapp.conversation.session import Session
from chatapp.engine.client import Engine, EngineDied, EngineError
from chatapp.engine.model import ModelOptions
from chatapp.errors import Refusal
from chatapp.home import Home
from chatapp.loading import plan_load
from chatapp.text import counted, display

_MOST_VARIATIONS = 1000
_NAMED = 10
"""Rows that a sentence names, at most."""
Keep = Callable[[Result, bytes], None]


def run(arguments: argparse.Namespace) -> int:
    """Do every row that is not done, and say how it went by the exit status: 1 only when all failed."""
    home = open_home(arguments)
    work = _work(arguments, home)
    rows = read_rows(_files(arguments.files), each_line=arguments.each_line, column=arguments.column)
    if not rows:
        raise Refusal("usage", "There is nothing to do: the inputs are empty.")
    shape = _shape(arguments, work)
    with _opened(arguments, home, work, shape, rows) as (seed, left, keep):
        if not left:
            done = "The one row is" if len(rows) == 1 else f"All {len(rows):,} rows are"
            note(f"{done} done already.")
            return 0
        task = Task(rows, left, Work(**{**vars(work), "seed": seed}), keep, shape)
        return _run_to_end(arguments, home, task)


class Task:
    """The rows that are left, what is done to them, and how far it came."""

    def __init__(self, rows: Sequence[Row], left: Sequence[Row], work: Work, keep: Keep, shape: Shape) -> None:
        self.left = left
        self.work = work
        self.tally = Tally()
        self._keep = keep
        self._shape = shape
        self._progress = Progress(len(rows), len(rows) - len(left))

    async def run(self, engine: Engine, options: ModelOptions) -> None:
        """Do what is left; each row is kept as soon as it is there."""
        self._progress.begin()
        async with aclosing(Runner(engine, options, self.work).run(self.left)) as results:
            async for result in results:
                self._keep(result, self._shape.write(result))
                self.tally.add(result)
                for complaint in result.complaints:
                    self._progress.note(
                        display(f"chatapp: row {result.row.number}{_where(result.row)}: {complaint}")
                    )
                self._progress.step()

    def end(self) -> None:
        """Say how it went."""
        self._progress.end()
        tally = self.tally
        parts = [counted(tally.done, "row")]
        parts += [f"{tally.failed:,} failed"] if tally.failed else []
        parts += [f"{tally.cut_off:,} cut off"] if tally.cut_off else []
        parts += [f"{tally.dropped:,} near-duplicates dropped"] if self.work.variations > 1 else []
        note(f"{', '.join(parts)}; seed {self.work.seed}.")


def _where(row: Row) -> str:
    return f" ({Path(row.source).name})" if row.source != "-" else ""


def _run_to_end(arguments: argparse.Namespace, home: Home, task: Task) -> int:
    async def main() -> None:
        stop_on_signals()
        engine = Engine(home.paths.engine_log, verdicts=home.paths.templates)
        try:
            plan = plan_load(home, home.model(arguments.model), reproducible=arguments.reproducible)
            if plan.note:
                note(plan.note)
            await engine.ensure(plan.options)
            await task.run(engine, plan.options)
        finally:
            await engine.close()

    try:
        asyncio.run(main())
    except (EngineError, EngineDied) as error:
        raise Refusal("engine", f"{error} {_resumable(arguments, task)}".strip()) from error
    except asyncio.CancelledError:
        note(f"Stopped. {_resumable(arguments, task)}".strip())
        return 130
    task.end()
    return 1 if task.tally.failed == task.tally.done else 0


def _resumable(arguments: argparse.Namespace, task: Task) -> str:
    done = f"{task.tally.done:,} rows were done."
    return f"{done} The same command goes on from there." if arguments.into else done


# What is done ---------------------------------------------------------------------------------------------------


def _work(arguments: argparse.Namespace, home: Home) -> Work:
    """The persona and its settings; refused before anything is read or written."""
    chosen, overrides = preset_of(arguments, home.presets.all()), overrides_of(arguments)
    if not 1 <= arguments.variations <= _MOST_VARIATIONS:
        raise Refusal("range", f"--variations takes 1 to {_MOST_VARIATIONS:,}.")
    if not 0 < arguments.similarity <= 1:
        raise Refusal("range", "--similarity takes a share up to 1.")
    persona = home.persona(arguments.persona, home.model(arguments.model).name, memory=not arguments.no_memory)
    session = Session(0, "", "", persona, preset=chosen, overrides=overrides)
    settings = session.sampling().settings
    if arguments.variations > 1 and settings.temperature == 0:
        raise Refusal("usage", "At temperature 0 every variation is the same: --temperature 0.8, for one.")
    return Work(persona, settings, settings.seed, arguments.variations, arguments.similarity)


def _files(names: Sequence[str]) -> list[Source]:
    if not names and (sys.stdin is None or sys.stdin.isatty()):
        raise Refusal("usage", "Nothing to do: name FILES, or pipe texts in.")
    names = names or [STDIN]
    return asyncio.run(read_inputs(names, sys.stdin.buffer.read() if STDIN in names else b""))


def _shape(arguments: argparse.Namespace, work: Work) -> Shape:
    ending = Path(arguments.into or "").suffix.casefold()
    guessed = {".csv": "csv", ".txt": "text", ".md": "text"}.get(ending, "jsonl")
    return Shape(
        cast("Format", arguments.output or guessed),
        structured=work.structured,
        fields=columns_of(work.settings.json_schema),
        by_line=arguments.each_line or arguments.column is not None,
        variations=work.variations,
    )


# Where it goes --------------------------------------------------------------------------------------------------


@contextmanager
def _opened(
    arguments: argparse.Namespace, home: Home, work: Work, shape: Shape, rows: Sequence[Row]
) -> Iterator[tuple[int, list[Row], Keep]]:
    """The seed of the run, the rows that are left, and what keeps a result."""
    seed = work.seed if work.seed != RANDOM_SEED else random.SystemRandom().getrandbits(31)
    if arguments.into is None:
        _print(shape.head)
        yield seed, list(rows), lambda _result, lines: _print(lines)
        return
    path = Path(arguments.into)
    job = Job(made_with=_made_with(arguments, home, work, shape), seed=seed)
    with open_journal(path, job, shape.head, overwrite=arguments.overwrite) as journal:
        if changed := journal.changed(list(rows)):
            raise Refusal("changed", _changed(path, changed))
        _tell(path, journal, len(rows))
        left = [row for row in rows if row.number not in journal.done]
        yield journal.job.seed, left, lambda result, lines: journal.add(result.row, lines, failed=result.failed)


def _made_with(arguments: argparse.Namespace, home: Home, work: Work, shape: Shape) -> dict[str, str]:
    """What results depend on; the persona as it is written, since a date in it may be another by tomorrow."""
    written = home.library.get(arguments.persona).model_copy(update={"known": work.persona.known})
    model = home.model(arguments.model)
    settings = SamplingSettings.model_dump(work.settings, exclude={"json_schema"})
    return {
        "persona": digest_of(written.digest),
        "model": digest_of(f"{model.path} {model.size}"),
        "settings": digest_of({**settings, "similarity": work.similarity, "reproducible": arguments.reproducible}),
        "form": digest_of({**vars(shape), "schema": work.settings.json_schema}),
    }


def _changed(path: Path, changed: Sequence[int]) -> str:
    named = ", ".join(map(str, changed[:_NAMED])) + (", …" if len(changed) > _NAMED else "")
    rows = f"row {named} is" if len(changed) == 1 else f"rows {named} are"
    return (
        f"The inputs changed: {rows} done in {path}, but not what they were. Name another file, or --overwrite it."
    )


def _tell(path: Path, journal: Journal, total: int) -> None:
    if 0 < len(journal.done) < total:
        note(f"{len(journal.done):,} of {total:,} rows are done in {path}; going on.")
    if journal.cut:
        note(f"A row that was not finished ({journal.cut:,} bytes) was cut off {path}.")


def _print(lines: bytes) -> None:
    if sys.stdout.isatty():
        sys.stdout.write(display(lines.decode()))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(lines)
    sys.stdout.flush()
