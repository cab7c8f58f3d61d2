"""Reads requests, answers them one after the other, and never dies of one.

Two threads: the reader, which acts on Cancel, Retune and Ping at once and ends the process at the end of the
input, and the main thread, which owns the model. What takes an evaluation waits for a reply that runs; all
else is answered between two of its tokens.
"""

from __future__ import annotations

import os
import queue
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from chatapp.engine.frames import FrameError, Piece, Unpacker
from chatapp.engine.model import Sandbox
from chatapp.engine.protocol import (
    REQUEST,
    Cancel,
    CancelWay,
    Choose,
    Count,
    Counted,
    Decide,
    Detokenize,
    Failed,
    Generate,
    GenerateMany,
    GiveState,
    Inspect,
    Inspected,
    KeepState,
    Load,
    Loaded,
    Ping,
    Plan,
    Planned,
    Prefill,
    Pulse,
    ReadState,
    Request,
    Restage,
    Retune,
    Score,
    Spell,
    Spelled,
    StateTaken,
    TakeState,
    Tokenize,
    Tokenized,
)
from chatapp.engine.worker.abort import Abort
from chatapp.engine.worker.cache import Aborted, NoRoomError
from chatapp.engine.worker.control import Control
from chatapp.engine.worker.generate import Generation
from chatapp.engine.worker.grammar import ConstraintError
from chatapp.engine.worker.looker import Looker, LookError
from chatapp.engine.worker.model import LoadError, Model, load, may_use_gpu
from chatapp.engine.worker.outbox import Outbox
from chatapp.engine.worker.parcels import Parcels
from chatapp.engine.worker.reading import PromptTooLongError
from chatapp.engine.worker.sampler import NoCandidatesError
from chatapp.engine.worker.sandbox import Confinement
from chatapp.engine.worker.shared import NoMemoryError
from chatapp.engine.worker.template import TemplateError
from chatapp.engine.worker.ways import Ways

_PIECE = 2**16
_NO_ROOM = "The context window is too full to look at this beside the conversation."

Q = TypeVar("Q", Decide, Score, Choose)


class Server:
    """Serves one pair of descriptors until the input ends."""

    def __init__(self, requests: int, frames: int) -> None:
        self._requests = requests
        self._outbox = Outbox(frames)
        self._tell = self._outbox.tell
        self._abort = Abort()
        self._control = Control(self._abort)
        self._inbox: queue.SimpleQueue[tuple[float, Request]] = queue.SimpleQueue()
        self._postponed: deque[tuple[float, Request]] = deque()
        self._parcels = Parcels()
        self._model: Model | None = None
        self._confinement: Confinement | None = None
        self._looking: Looker | None = None
        self._answers: dict[type[Request], Callable[[Any, float], None]] = {
            Load: self._load,
            Generate: self._generate,
            GenerateMany: self._generate,
            Count: self._count,
            Plan: self._plan,
            Inspect: self._inspect,
            Tokenize: self._tokenize,
            TakeState: self._take_state,
            ReadState: self._read_state,
            KeepState: self._keep_state,
            Spell: self._spell,
            Detokenize: lambda request, _asked: self._tell(self._looker().text(request)),
            Decide: lambda request, _asked: self._look(request, Looker.decide),
            Restage: self._restage,
            Score: lambda request, _asked: self._look(request, Looker.score),
            Choose: lambda request, _asked: self._look(request, Looker.choose),
        }
        """What is done for each kind of request, given the request and the time at which it came."""

    def run(self) -> None:
        """Answer requests; does not return: the end of the input ends the process."""
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        while True:
            self._answer(*(self._postponed.popleft() if self._postponed else self._inbox.get()))

    # The reader's thread -----------------------------------------------------------------------------------------

    def _read(self) -> None:
        unpacker = Unpacker()
        try:
            while data := os.read(self._requests, _PIECE):
                for body in unpacker.feed(data):
                    if isinstance(body, Piece):
                        self._parcels.add(body)
                    else:
                        self._sort(REQUEST.validate_json(body))
        except (OSError, FrameError, ValidationError) as error:
            # What was read may be a person's text: only the kind of error is printed.
            os.write(2, f"chatapp: the app sent what is no request ({type(error).__name__})\n".encode())
            os._exit(1)
        os._exit(0)  # at once, in mid-decode too: nobody listens any more

    def _sort(self, request: Request) -> None:
        if isinstance(request, Cancel):
            self._control.cancel(request.id)
        elif isinstance(request, CancelWay):
            self._control.cancel_way(request.id, request.way)
        elif isinstance(request, Retune):
            self._control.retune(request.id, request.settings)
        elif isinstance(request, GiveState):
            self._parcels.begin(request)
        elif isinstance(request, Ping):
            self._outbox.tell_at_once(Pulse(beats=self._abort.beats, busy=self._control.busy))
        else:
            if isinstance(request, Generate | GenerateMany | Decide | Score | Choose):
                self._control.expect(request.id)
            elif isinstance(request, Load):
                self._confine(request)
            self._inbox.put((time.monotonic(), request))

    def _confine(self, request: Load) -> None:
        """Give up what this model will not need; here for the reader's thread, later for the main one."""
        if self._confinement is None and Path(request.options.path).is_file():
            self._confinement = Confinement(request.options, gpu=may_use_gpu(request.options))
            self._confinement.enter()

    # The main thread ---------------------------------------------------------------------------------------------

    def _answer(self, asked: float, request: Request) -> None:
        number = getattr(request, "id", None)
        try:
            self._answers[type(request)](request, asked)
        except LoadError as error:
            self._tell(Failed(id=number, reason="load", message=str(error)))
        except TemplateError as error:
            self._tell(Failed(id=number, reason="template", message=str(error)))
        except (PromptTooLongError, NoMemoryError) as error:
            self._tell(Failed(id=number, reason="context", message=str(error)))
        except LookError as error:
            self._tell(Failed(id=number, reason="context", message=str(error)))
        except Aborted:
            self._tell(Failed(id=number, reason="cancelled", message="It was stopped."))
        except NoRoomError:
            self._tell(Failed(id=number, reason="context", message=_NO_ROOM))
        except (ConstraintError, NoCandidatesError) as error:
            self._tell(Failed(id=number, reason="settings", message=str(error)))
        except Exception as error:  # noqa: BLE001 - told to the app, and the engine lives on
            os.write(2, traceback.format_exc().encode("utf-8", "replace"))
            kind = type(error).__name__
            message = f"The engine could not do this ({kind}: {error}). It is ready for the next request."
            self._tell(Failed(id=number, reason="internal", message=message))

    def _load(self, request: Load, _asked: float) -> None:
        if self._model is not None:
            raise LoadError("This engine has a model already; another one needs an engine of its own.")
        started = time.monotonic()
        if self._confinement is not None:
            self._confinement.enter()
        self._model = load(request.options, self._tell, self._abort, template_problem=request.template_problem)
        sandbox = self._confinement.report if self._confinement else Sandbox()
        info = self._model.info.model_copy(update={"sandbox": sandbox})
        self._tell(Loaded(info=info, load_s=time.monotonic() - started))

    def _generate(self, request: Generate | GenerateMany, asked: float) -> None:
        self._control.begin(request.id)
        rest: Any = {"tell": self._tell, "between": self._answer_questions, "asked": asked}
        try:
            if isinstance(request, GenerateMany):
                finished = Ways(self._loaded(), request, self._control, **rest).run()
            else:
                finished = Generation(self._loaded(), request, self._control, **rest).run()
        finally:
            self._control.end(request.id)
        self._tell(finished)

    def _answer_questions(self) -> None:
        self._abort.beats += 1
        while not self._inbox.empty():
            asked, request = self._inbox.get()
            if isinstance(request, Load | Generate | GenerateMany | Decide | Score | Choose):
                self._postponed.append((asked, request))
            else:
                self._answer(asked, request)

    def _count(self, request: Count, _asked: float) -> None:
        ids = self._loaded().prompts.ids(request.turns, template=request.template, open_last=request.open_last)
        self._tell(Counted(id=request.id, tokens=len(ids)))

    def _plan(self, request: Plan, _asked: float) -> None:
        *turns, opening = self._loaded().prompts.counts(
            request.turns, template=request.template, open_last=request.open_last
        )
        self._tell(Planned(id=request.id, turns=tuple(turns), opening=opening))

    def _inspect(self, request: Inspect, _asked: float) -> None:
        model = self._loaded()
        ids, owners = model.prompts.owners(request.turns, template=request.template, open_last=request.open_last)
        self._tell(
            Inspected(
                id=request.id,
                token_ids=tuple(ids),
                texts=tuple(map(model.vocabulary.name, ids)),
                special=tuple(place for place, token in enumerate(ids) if not model.vocabulary.is_plain(token)),
                owners=tuple(owners),
            )
        )

    def _tokenize(self, request: Tokenize, _asked: float) -> None:
        ids = self._loaded().vocabulary.tokenize_after_text(request.text)
        self._tell(Tokenized(id=request.id, token_ids=tuple(ids)))

    def _take_state(self, request: TakeState, _asked: float) -> None:
        model = self._loaded()
        state, seconds = model.cache.serving(model.prompts.ids(request.turns, template=request.template))
        self._parcels.offer(state)
        if state is None:
            self._tell(StateTaken(id=request.id))
            return
        ids, size = tuple(state.tokens), len(state.data)
        self._tell(StateTaken(id=request.id, size=size, token_ids=ids, batched=state.batched, seconds=seconds))

    def _read_state(self, request: ReadState, _asked: float) -> None:
        self._outbox.send(request.id, self._parcels.cut(request))

    def _keep_state(self, request: KeepState, _asked: float) -> None:
        model = self._loaded()
        state = self._parcels.take(request, model.vocabulary.size)
        if state is not None and len(state.tokens) <= model.cache.size:
            model.cache.states.add(state)

    def _spell(self, request: Spell, _asked: float) -> None:
        model = self._loaded()
        ids = model.prompts.text(request.text, special=request.special)
        self._tell(Spelled(id=request.id, tokens=tuple(map(model.vocabulary.token, ids))))

    def _look(self, request: Q, answer: Callable[[Looker, Q, Callable[[Prefill], None]], BaseModel]) -> None:
        """Answer a question that takes an evaluation, and can be cancelled."""
        self._control.begin(request.id)
        try:
            self._tell(answer(self._looker(), request, self._tell))
        finally:
            self._control.end(request.id)

    def _restage(self, request: Restage, _asked: float) -> None:
        self._tell(self._looker().restage(request))

    def _looker(self) -> Looker:
        if self._looking is None:
            self._looking = Looker(self._loaded())
        return self._looking

    def _loaded(self) -> Model:
        if self._model is None:
            raise LoadError("No model is loaded.")
        return self._model
