"""Where a reply comes from, as far as that is known when it begins; how it ended is in `outcome`."""

from __future__ import annotations

from chatapp.conversation.decision import Memory
from chatapp.conversation.message import Message, Provenance, Segment
from chatapp.conversation.sampling import Preset
from chatapp.conversation.session import Session
from chatapp.engine.model import ModelInfo


def begun(
    session: Session,
    reply: Message,
    info: ModelInfo,
    draws: Segment,
    *,
    continued: bool = False,
    left_out: int = 0,
    preset: Preset | None = None,
) -> Provenance:
    """What is known before the end; it may break off at any moment. `preset` is another than the session's."""
    came = preset or session.sampling().preset
    return Provenance(
        model_name=f"{info.name} {info.quantisation}".strip(),
        model_path=info.path,
        model_fingerprint=info.fingerprint,
        tokenizer=info.tokenizer,
        persona=session.persona.digest,
        preset=came.name,
        preset_values=dict(came.values),
        reproducible=info.reproducible,
        segments=(*(reply.provenance.segments if continued else ()), draws),
        memory=reply.provenance.memory if continued else Memory(),
        continued_from=len(reply.token_ids),
        left_out=left_out,
        chosen=reply.provenance.chosen if continued else (),
        edited_from=reply.provenance.edited_from if continued else "",
    )
