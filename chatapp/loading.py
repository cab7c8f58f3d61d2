"""How a model is loaded: the settings of its user, fitted to the memory there is; and what was learnt from it.

The memory a model needs is estimated first, compared with what it took, and the difference remembered for the next
time. Too large is said with numbers, and never refused: a person may know better.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from chatapp.config import Settings
from chatapp.conversation.message import Message
from chatapp.engine.catalog import ModelFile
from chatapp.engine.fit import Fit, default_context, fit, fitting_context, learn
from chatapp.engine.machine import available_memory
from chatapp.engine.model import ModelInfo, ModelOptions
from chatapp.home import Home


@dataclass(frozen=True)
class LoadPlan:
    """The options to load with, the memory that takes, and what a person should know of it, if anything."""

    options: ModelOptions
    fit: Fit | None = None
    note: str = ""


def model_options(path: str, settings: Settings, *, reproducible: bool = False) -> ModelOptions:
    """How a model is loaded, with the user's settings."""
    return ModelOptions(
        path=path,
        n_ctx=settings.context or None,
        n_threads=settings.threads or None,
        n_gpu_layers=settings.gpu_layers,
        n_batch=settings.batch,
        n_ubatch=min(settings.ubatch, settings.batch),
        kv_type=settings.kv_type,
        mmap=settings.mmap,
        mlock=settings.mlock,
        states_limit=settings.kv_memory_mb * 2**20,
        reproducible=reproducible,
    )


def plan_load(home: Home, model: ModelFile, *, reproducible: bool = False, freed: int = 0) -> LoadPlan:
    """Plan a load; quick, asks the system for its memory.

    Args:
        home: The settings and what was learnt before.
        model: What is loaded.
        reproducible: Whether replies must equal llama.cpp's own.
        freed: Bytes that will be free by then, of a model that is closed for this one.
    """
    options = model_options(str(model.path), home.settings, reproducible=reproducible)
    header = model.header
    if header is None:
        return LoadPlan(options)
    options = options.model_copy(update={"files": header.files, "name": model.name})
    lesson = home.experience.of(model.path, model.size).lesson
    available = available_memory()
    available = available + freed if available is not None else None
    note = ""
    if options.n_ctx is None:
        usual, n_ctx = default_context(header), fitting_context(header, options, available, lesson)
        options = options.model_copy(update={"n_ctx": n_ctx})
        if n_ctx < usual:
            note = f"Memory is short: the context of {model.name} is {n_ctx:,} tokens instead of {usual:,}."
    fitted = fit(header, options, available, lesson)
    if not fitted.fits:
        note = f"{model.name} {fitted.verdict}. What would help: {', '.join(fitted.ways)}."
    return LoadPlan(options, fitted, note)


def learn_from_load(home: Home, model: ModelFile, options: ModelOptions, info: ModelInfo) -> None:
    """Remember what a model took beside what was thought; writes a small file if that is news."""
    if model.header is None or not info.memory.weights:
        return
    in_force = options.model_copy(update={"n_ctx": info.n_ctx, "reproducible": not info.flash_attention})
    lesson = learn(model.header, in_force, info.memory)
    if home.experience.memory(model.path, model.size, info.memory, lesson):
        _save(home)


def learn_from_reply(home: Home, model: ModelFile, reply: Message, n_threads: int) -> None:
    """Remember how fast a reply came; writes a small file if that is news."""
    came = reply.provenance
    rate, tokens = came.timings.tokens_per_s, came.generated_tokens
    if came.model_path == str(model.path) and home.experience.speed(
        model.path, model.size, rate, tokens, n_threads
    ):
        _save(home)


def _save(home: Home) -> None:
    with suppress(OSError):  # it is only experience: the next start does without
        home.experience.save()
