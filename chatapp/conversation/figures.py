"""What a reply took, in words."""

from __future__ import annotations

from chatapp.conversation.message import Provenance


def prefill_rate(came: Provenance) -> float:
    """Tokens of the prompt read in a second; 0 where nothing was."""
    return came.evaluated_tokens / came.timings.prefill_s if came.timings.prefill_s > 0 else 0.0


def figures(came: Provenance) -> str:
    """Tokens reused and read with their rate, the time to the first token, tokens written with theirs."""
    took = came.timings
    parts = [
        f"reused {came.reused_tokens:,}",
        f"read {came.evaluated_tokens:,} at {prefill_rate(came):,.0f} tok/s",
        f"first token {took.first_token_s:.2f} s",
        f"wrote {came.generated_tokens:,}" + (f" at {took.tokens_per_s:.1f} tok/s" if took.tokens_per_s else ""),
    ]
    return "   ".join(parts)
