"""Calls of tools, carried out: reading is free, and what would write is proposed to the person first."""

from __future__ import annotations

from chatapp.calls.proposals import Proposal
from chatapp.calls.toolbox import Toolbox
from chatapp.calls.turn import MOST_CALLS, answer_with_tools

__all__ = ["MOST_CALLS", "Proposal", "Toolbox", "answer_with_tools"]
