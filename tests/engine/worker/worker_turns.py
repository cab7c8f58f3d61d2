"""Turns in few words."""

from __future__ import annotations

from chatapp.conversation.prompt import Turn


def user(text):
    return Turn(role="user", content=text)


def assistant(text, ids=()):
    return Turn(role="assistant", content=text, token_ids=tuple(ids))


def system(text):
    return Turn(role="system", content=text)
