"""`chatapp ask`: one reply, streamed to standard output."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

from chatapp.chat import Chat
from chatapp.cli.ask_many import check_number, print_many, ways_of
from chatapp.cli.ask_tools import Shown, calls_report, tell_calls, tools_for, with_tools
from chatapp.cli.by_parts import (
    PartsProgress,
    broken_off,
    parts_report,
    reads_by_parts,
    reply_that_broke_off,
    telling_how_made,
)
from chatapp.cli.engines import stop_on_signals
from chatapp.cli.files import fitted, read_files
from chatapp.cli.logprobs import logprob_rows, logprobs
from chatapp.cli.opening import open_home, open_store
from chatapp.cli.output import note, print_json, print_table
from chatapp.cli.sampling import overrides_of, preset_of
from chatapp.conversation.attachment import Attachment, citations
from chatapp.conversation.context import Policy
from chatapp.conversation.figures import figures
from chatapp.conversation.message import Kind, Message, Status, StopReason
from chatapp.conversation.persona import Persona
from chatapp.conversation.sampling import SamplingSettings
from chatapp.conversation.session import Session
from chatapp.conversation.variation import Differ
from chatapp.conversation.window import window_of
from chatapp.engine.client import Engine, EngineDied, EngineError
from chatapp.engine.protocol import MAX_CANDIDATES, Tokens
from chatapp.errors import Refusal
from chatapp.home import Home
from chatapp.loading import learn_from_load, learn_from_reply, plan_load
from chatapp.recording import Unsaved
from chatapp.store import Store, StoreError
from chatapp.text import display
from chatapp.tools.offer import offers
from chatapp.turn import Began, Bordered, Called, Ended, TurnEvent


def run(arguments: argparse.Namespace) -> int:
    """Ask, print, and say how it went by the exit status."""
    text = _question(arguments.text)
    home = open_home(arguments)
    try:
        return asyncio.run(_ask(arguments, home, text))
    except StoreError as error:
        raise Refusal("store", str(error)) from error
    except (EngineError, EngineDied) as error:
        raise Refusal("engine", str(error)) from error
    except asyncio.CancelledError:
        return 130


def _question(text: str) -> str:
    """The text of the command line, then what was piped in."""
    piped = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.buffer.read().decode("utf-8", "replace")
    question = "\n\n".join(part for part in (text, piped.rstrip("\n")) if part.strip())
    if not question:
        raise Refusal("usage", "Nothing to ask: give a TEXT, or pipe one in.")
    return question


async def _ask(arguments: argparse.Namespace, home: Home, text: str) -> int:
    loop = asyncio.get_running_loop()
    stop_on_signals()
    chosen, overrides = (
        preset_of(arguments, home.presets.all()),
        overrides_of(arguments),
    )  # before anything is written
    if not 0 <= arguments.logprobs <= MAX_CANDIDATES:
        raise Refusal("range", f"--logprobs takes 0 to {MAX_CANDIDATES:,}.")
    check_number(arguments.number, with_files=bool(arguments.file))
    files = await read_files(arguments.file)
    goes_on = bool(arguments.session or arguments.continue_newest)
    keep = goes_on or reads_by_parts(arguments) if arguments.save is None else arguments.save
    store = await open_store(home) if keep else await Store.temporary()
    engine = Engine(home.paths.engine_log, verdicts=home.paths.templates)
    try:
        session = with_tools(await _session(arguments, home, store, text, files), wanted=arguments.tools)
        model = home.model(arguments.model or session.model)
        plan = plan_load(home, model, reproducible=arguments.reproducible)
        if plan.note:
            note(plan.note)
        options = plan.options
        chat = Chat(session, store, engine, options, on_full=Policy(arguments.on_full or home.settings.on_full))
        chat.on_saving = lambda saving: note(saving.sentence) if isinstance(saving, Unsaved) else None
        chat.recall = home.recall(engine) if keep else None
        chat.record = arguments.logprobs
        await chat.tune(chosen or session.preset, {**session.overrides, **overrides})
        await store.save_model(session.id, str(model.path))
        started = loop.time()
        info = await engine.ensure(options)
        if info.template != "own":
            note(info.template_note)
        load_s = loop.time() - started
        files = await fitted(chat, files, arguments.take, text)
        if arguments.number > 1:
            report = partial(_report, chat, load_s=load_s, kept=keep) if arguments.json else None
            wanted = ways_of(chat, arguments.number, Differ(arguments.differ), home.presets.all())
            return await print_many(chat, text, wanted, report)
        async with tools_for(chat, home, store, kept=keep):
            with telling_how_made(chat, session=session.uid if keep else None):
                reply = await _print_reply(chat, text, files, as_json=arguments.json)
        learn_from_load(home, model, options, info)
        learn_from_reply(home, model, reply, info.n_threads)
        if arguments.verbose:
            _tell_figures(reply, load_s)
        if arguments.json and reply.status is not Status.ERROR:
            print_json(_report(chat, reply, load_s, kept=keep) | await parts_report(chat, reply))
        elif arguments.logprobs:
            print_table(logprob_rows(reply))
        sys.stdout.flush()  # whoever waits for the reply need not wait for what is kept of it
        await chat.keep_state()
        return _verdict(reply, chat.session.sampling().settings)
    finally:
        await engine.close()
        await store.close()


async def _session(
    arguments: argparse.Namespace, home: Home, store: Store, text: str, files: Sequence[Attachment]
) -> Session:
    going_on = await _to_go_on(arguments, home, store)
    if going_on is not None:
        return going_on
    if arguments.system is not None:
        persona = Persona(name="Custom", system=arguments.system)
    else:
        model = home.model(arguments.model)
        persona = home.persona(arguments.persona, model.name, memory=not arguments.no_memory)
    begun = await broken_off(arguments, store, persona, text, files)
    return await store.session(begun) if begun else await store.create_session(persona)


async def _to_go_on(arguments: argparse.Namespace, home: Home, store: Store) -> Session | None:
    """The session that was asked for; where nothing is to be saved, a copy of it in the temporary store."""
    if not (arguments.session or arguments.continue_newest):
        return None
    copied = arguments.save is False
    source = await open_store(home) if copied else store
    try:
        name = arguments.session or next((head.uid for head in await source.sessions(limit=1)), None)
        if name is None:
            return None
        session = await source.session(name)
    finally:
        if copied:
            await source.close()
    return await store.session(await store.adopt(session)) if copied else session


async def _print_reply(chat: Chat, text: str, files: Sequence[Attachment], *, as_json: bool) -> Message:
    reply: Message | None = None
    before = reply_that_broke_off(chat, text, files)
    progress, shown = PartsProgress(files), Shown(may_call=offers(chat.session))
    turn = chat.go_on(before.id) if before is not None else chat.send(text, files=files)
    async with aclosing(turn) as events:
        async for event in events:
            progress.hear(event)
            if chat.streaming is not None and chat.streaming.kind is Kind.SUMMARY:
                continue  # it is not the answer; its border is told when it holds
            if (border := _border_of(event)) is not None:
                note(_left_out(chat, border))
            else:
                if isinstance(event, Tokens | Ended):
                    progress.end()
                reply = _heard(event, shown, as_json=as_json) or reply
    if reply is not None and not as_json:
        _write_end(shown.end(reply), reply)
    assert reply is not None  # noqa: S101  the last event of a turn is its end
    return reply


def _heard(event: TurnEvent, shown: Shown, *, as_json: bool) -> Message | None:
    """Print what an event brings; the reply, once it has ended."""
    if isinstance(event, Tokens) and not as_json:
        _write(shown.feed(event.text))
    elif isinstance(event, Called):
        tell_calls(event.reply)
    elif isinstance(event, Began) and event.asked is None and not as_json:
        _write(shown.restart())
    elif isinstance(event, Ended):
        return event.reply
    return None


def _write(text: str) -> None:
    # A terminal must be kept safe; a pipe gets the text as it was said.
    sys.stdout.write(display(text) if sys.stdout.isatty() else text)
    sys.stdout.flush()


def _write_end(held: str, reply: Message) -> None:
    _write(held)
    if reply.text and not reply.text.endswith("\n"):
        sys.stdout.write("\n")


def _border_of(event: TurnEvent) -> Message | None:
    """The border that an event tells of."""
    if isinstance(event, Bordered):
        return event.border
    return event.reply if isinstance(event, Ended) and event.reply.kind is Kind.SUMMARY else None


def _left_out(chat: Chat, border: Message) -> str:
    out = len(window_of(chat.session.tree, chat.session.tree.path()).left_out)
    done = "summed up" if border.kind is Kind.SUMMARY else "left out"
    oldest = "oldest message is" if out == 1 else f"oldest {out:,} messages are"
    return f"The context window is full: the {oldest} {done}."


def _tell_figures(reply: Message, load_s: float) -> None:
    """What the reply took."""
    note(f"loaded in {load_s:.2f} s   {figures(reply.provenance)}")


def _verdict(reply: Message, settings: SamplingSettings) -> int:
    if reply.status is Status.ERROR:
        kind = "context" if reply.provenance.stop_reason is StopReason.CONTEXT_FULL else "engine"
        raise Refusal(kind, reply.provenance.detail)
    if (settings.json_schema or settings.grammar) and not _is_complete(reply):
        what = "valid JSON" if settings.json_schema else "what the grammar asks for"
        note(f"The reply was cut off ({reply.provenance.stop_reason}): it is not {what} as it stands.")
        return 1
    return 130 if reply.status is Status.INTERRUPTED else 0


def _is_complete(reply: Message) -> bool:
    """Whether the model ended the reply, and nothing else did."""
    return reply.provenance.stop_reason is StopReason.END


def _report(chat: Chat, reply: Message, load_s: float, *, kept: bool) -> dict[str, Any]:
    came = reply.provenance
    return {
        "text": reply.text,
        "token_ids": reply.token_ids,
        "prompt_tokens": came.prompt_tokens,
        "reused_tokens": came.reused_tokens,
        "evaluated_tokens": came.evaluated_tokens,
        "generated_tokens": came.generated_tokens,
        "stop_reason": came.stop_reason,
        "complete": _is_complete(reply),
        "seed": came.segments[-1].seed if came.segments else None,
        "sampling": chat.session.sampling().settings.model_dump(mode="json"),
        "model": {"name": came.model_name, "path": came.model_path, "fingerprint": came.model_fingerprint},
        "context": chat.prompt.plan.as_json() if chat.prompt else None,
        "timings": {"load_s": load_s, **came.timings.model_dump()},
        "session": chat.session.uid if kept else None,
        "message": reply.uid if kept else None,
        **calls_report(chat, reply),
        **({"logprobs": logprobs(reply)} if chat.record else {}),
        **(_sources(chat, reply) if any(message.files for message in chat.session.tree.path()) else {}),
    }


def _sources(chat: Chat, reply: Message) -> dict[str, Any]:
    """The files that the model was given, and the places of them that the reply names."""
    files = [file for message in chat.session.tree.path() for file in message.files]
    cited = citations(reply.text, files)
    return {
        "files": [
            {"name": one.name, "sha256": one.source, "given": one.given, "characters": one.characters}
            for one in files
        ],
        "citations": [
            {"start": one.start, "end": one.end, "file": one.file.name, one.file.document.unit: one.place}
            for one in cited
        ],
    }
