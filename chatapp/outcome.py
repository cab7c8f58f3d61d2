"""How a reply ended, as it is kept with it."""

from __future__ import annotations

from dataclasses import dataclass

from chatapp.conversation.lens import perplexity
from chatapp.conversation.message import Message, Provenance, Status, StopReason
from chatapp.engine.client import EngineDied, EngineError
from chatapp.engine.protocol import Finished


@dataclass
class Outcome:
    """A report of the engine, a failure, or neither: then its reader went away."""

    finished: Finished | None = None
    failure: EngineDied | EngineError | None = None

    def of(self, reply: Message, *, stopped: bool) -> tuple[Status, Provenance]:
        """The status and the provenance that the reply is kept with; `stopped`: whether it was asked to stop."""
        value = perplexity(reply.records) if all(reply.records) else None
        came_from = reply.provenance.model_copy(update={"perplexity": value}).counting(len(reply.token_ids))
        if self.finished is not None:
            done = self.finished
            ended = done.stop_reason in {StopReason.END, StopReason.STOP_STRING}
            return Status.COMPLETE if ended else Status.STOPPED, came_from.with_segments(done.segments).model_copy(
                update={
                    "memory": done.memory,
                    "prompt_tokens": done.prompt_tokens,
                    "reused_tokens": done.reused_tokens,
                    "evaluated_tokens": done.evaluated_tokens,
                    "generated_tokens": done.generated_tokens,
                    "timings": done.timings,
                    "stop_reason": done.stop_reason,
                }
            )
        if self.failure is not None:
            detail = {"stop_reason": _reason(self.failure), "detail": str(self.failure)}
            return Status.ERROR, came_from.model_copy(update=detail)
        return Status.STOPPED if stopped else Status.INTERRUPTED, came_from.model_copy(
            update={"stop_reason": StopReason.CANCELLED}
        )


def _reason(failure: EngineDied | EngineError) -> StopReason | None:
    """Why a reply failed: a prompt that does not fit is no crash."""
    if isinstance(failure, EngineDied):
        return StopReason.CRASHED
    return StopReason.CONTEXT_FULL if failure.reason == "context" else None
