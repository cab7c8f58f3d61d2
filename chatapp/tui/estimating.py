"""What reading a document by parts will take on this machine, as far as that is known beforehand."""

from __future__ import annotations

from chatapp.attaching import Fit
from chatapp.chat import Chat
from chatapp.conversation.attachment import Given
from chatapp.conversation.figures import prefill_rate
from chatapp.conversation.message import Role
from chatapp.parts import estimated
from chatapp.text import counted

_FILLED = 0.7
"""Of what a result may have, about so much is used."""


def about_parts(chat: Chat, fit: Fit, given: Given) -> str:
    """`about 37 parts, 12 min`: the time only where a reply of this session told the pace of the model."""
    info = chat.engine.info
    if info is None:
        return ""
    settings = chat.session.sampling().settings
    number, each = estimated(fit.tokens, info.n_ctx, fit.frame, settings, joined=given.joined)
    said = f"about {counted(number, 'part')}"
    paces = [
        (prefill_rate(came), came.timings.tokens_per_s)
        for message in chat.session.tree.all()
        if message.role is Role.ASSISTANT and (came := message.provenance).timings.tokens_per_s
    ]
    if not paces or not paces[-1][0]:
        return said
    reads, writes = paces[-1]
    minutes = (fit.tokens / reads + number * each * _FILLED / writes) / 60
    return f"{said}, {max(1, round(minutes)):,} min"
