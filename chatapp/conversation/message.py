"""A message, and for a reply its provenance: everything that made it what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from chatapp.conversation.attachment import Attachment
from chatapp.conversation.by_parts import ByParts
from chatapp.conversation.decision import Memory, TokenRecord
from chatapp.conversation.sampling import BALANCED, PresetValues, SamplingSettings, by_name_alone
from chatapp.conversation.tool_use import ToolUse


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class Status(StrEnum):
    """How a message stands; only a streaming one may still change."""

    STREAMING = "streaming"
    COMPLETE = "complete"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    ERROR = "error"

    @property
    def unfinished(self) -> bool:
        """Whether the reply broke off and can be continued."""
        return self in {Status.STOPPED, Status.INTERRUPTED, Status.ERROR}


class StopReason(StrEnum):
    """Why the model stopped speaking."""

    END = "end"
    """It ended its turn."""
    STOP_STRING = "stop_string"
    MAX_TOKENS = "max_tokens"
    CONTEXT_FULL = "context_full"
    CANCELLED = "cancelled"
    CRASHED = "crashed"


class Kind(StrEnum):
    """What a message is: said in the conversation, or a border behind which the model sees."""

    SAID = "said"
    CUT = "cut"
    """What is above is left out of the prompt."""
    SUMMARY = "summary"
    """What is above is left out of the prompt, and this text stands for it."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Segment(_Frozen):
    """A stretch of a reply drawn with one set of settings, from the token at `from_token` on."""

    from_token: int
    settings: SamplingSettings
    seed: int
    memory: Memory = Memory()
    """What mirostat or adaptive-p remembered where it begins."""


class Timings(_Frozen):
    """What the reply took, in seconds; `first_token_s` counts from the request to the first text."""

    prefill_s: float = 0.0
    first_token_s: float = 0.0
    decode_s: float = 0.0
    tokens_per_s: float = 0.0


class Provenance(_Frozen):
    """How a reply came to be. Token counts: of the prompt, and how much of it was reused and evaluated."""

    model_name: str = ""
    model_path: str = ""
    model_fingerprint: str = ""
    tokenizer: str = ""
    """Fingerprint of the vocabulary that the message's token ids belong to."""
    persona: str = ""
    """Digest of the persona in force."""
    preset: str = ""
    preset_values: PresetValues | None = None
    """What the preset said then; none in replies that remember only its name."""
    reproducible: bool = False
    segments: tuple[Segment, ...] = ()
    memory: Memory = Memory()
    """What mirostat or adaptive-p remembers at the end: Continue goes on with it."""
    prompt_tokens: int = 0
    reused_tokens: int = 0
    evaluated_tokens: int = 0
    generated_tokens: int = 0
    continued_from: int = 0
    """Tokens at the start that were copied from the reply which this one continues."""
    chosen: tuple[int, ...] = ()
    """The places of the tokens that were not drawn: a person put them there."""
    calls: tuple[ToolUse, ...] = ()
    """The tools that the reply called, with what came back."""
    left_out: int = 0
    """Messages of the path that the prompt did not hold."""
    timings: Timings = Timings()
    perplexity: float | None = None
    """Of the whole text, where all of its tokens were recorded or scored."""
    stop_reason: StopReason | None = None
    edited_from: str = ""
    """For a reply that a person wrote over: the uid of the reply that it was. Nothing else is known of it then."""
    by_parts: ByParts | None = None
    """For a reply that was made from a document part by part. The counts are then those of all parts together."""
    detail: str = ""
    """For a reply that failed: what happened, in one sentence."""

    def with_segments(self, segments: Sequence[Segment]) -> Provenance:
        """The same with these segments, in the place of those that begin where they do, or later."""
        if not segments:
            return self
        before = [one for one in self.segments if one.from_token < segments[0].from_token]
        return self.model_copy(update={"segments": (*before, *segments)})

    def counting(self, tokens: int) -> Provenance:
        """The same for a reply of so many tokens of whose end the engine gave no report."""
        return self.model_copy(update={"generated_tokens": tokens - self.continued_from}) if tokens else self

    def preset_alone(self) -> SamplingSettings:
        """The settings that the preset, as it was then, gives without any change."""
        values = (
            by_name_alone(self.preset or BALANCED.name).values
            if self.preset_values is None
            else self.preset_values
        )
        return SamplingSettings.model_validate(values)


@dataclass(slots=True)
class Message:
    """One node of the tree. `id` orders messages; clocks only label them."""

    id: int
    uid: str
    parent: int | None
    role: Role
    text: str
    status: Status = Status.COMPLETE
    created_ms: int = 0
    token_ids: list[int] = field(default_factory=list)
    provenance: Provenance = field(default_factory=Provenance)
    active_child: int | None = None
    """The child that was last in view; none means the newest."""
    kind: Kind = Kind.SAID
    pinned: bool = False
    """Its turn stays in the context window, whatever leaves."""
    undone: bool = False
    """A border that does not hold any more."""
    records: list[TokenRecord | None] = field(default_factory=list)
    """How its tokens were chosen, one for each token id, while it streams; later see `Chat.trace`."""
    trace: bytes = b""
    """The same, packed, where the message travels from store to store; there it stands beside the message."""
    files: tuple[Attachment, ...] = ()
    """What it brings along for the model to read."""

    @property
    def whole(self) -> bool:
        """Whether it has a text that was written to its end, or to the length that was set."""
        ended = self.status is Status.COMPLETE or self.provenance.stop_reason is StopReason.MAX_TOKENS
        return ended and bool(self.text.strip())

    @property
    def holds(self) -> bool:
        """Whether it is a border in force: not undone, and, for a summary, written to its end."""
        return self.kind is not Kind.SAID and not self.undone and (self.kind is Kind.CUT or self.whole)
