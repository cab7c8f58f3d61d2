"""Sessions in the database: the list, one whole session, and what is kept with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import apsw

from chatapp.conversation.attachment import Attachment
from chatapp.conversation.context import Policy
from chatapp.conversation.message import Message
from chatapp.conversation.persona import Persona
from chatapp.conversation.sampling import Preset
from chatapp.conversation.session import Session, SessionHead, tag_from
from chatapp.conversation.tree import Tree
from chatapp.store import drafts, labels, messages
from chatapp.store.encoding import (
    new_uid,
    now_ms,
    overrides_from,
    overrides_json,
    preset_columns,
    preset_from,
    storable,
)
from chatapp.store.errors import Damaged, NoSuchSession, StoreError
from chatapp.store.transaction import writing
from chatapp.text import repair

_ENDING_LENGTH = 100

_HEADS = """
WITH page AS (
    SELECT id, uid, title, updated_ms, deleted_ms, pinned, used FROM session
    WHERE (deleted_ms IS NOT NULL) = ?1 AND (?4 = '' OR id IN (SELECT session FROM tag WHERE name = ?4))
    ORDER BY pinned * ?2 DESC, used DESC LIMIT ?3
)
SELECT page.id, uid, title, updated_ms, deleted_ms, pinned,
    (SELECT group_concat(name, ' ') FROM (SELECT name FROM tag WHERE session = page.id ORDER BY name)),
    (SELECT count(*) FROM message WHERE session = page.id AND deleted_ms IS NULL AND kind = 'said'),
    (SELECT count(*) - count(DISTINCT parent) FROM message
        WHERE session = page.id AND deleted_ms IS NULL AND kind = 'said'),
    EXISTS (SELECT 1 FROM draft WHERE session = page.id)
        OR EXISTS (SELECT 1 FROM draft_attachment WHERE session = page.id),
    EXISTS (SELECT 1 FROM message WHERE session = page.id AND status = 'streaming' AND deleted_ms IS NULL),
    (SELECT substr(body, -400) FROM message
        WHERE session = page.id AND deleted_ms IS NULL AND kind = 'said' AND body <> '' ORDER BY id DESC LIMIT 1)
FROM page ORDER BY pinned * ?2 DESC, used DESC
"""


def heads(
    connection: apsw.Connection, *, deleted: bool, limit: int | None, pinned_first: bool = False, tag: str = ""
) -> list[SessionHead]:
    """The sessions as a list shows them (or those in the trash), the one used last first; with a tag, if given."""
    limit = -1 if limit is None else limit
    rows = connection.execute(_HEADS, (deleted, pinned_first, limit, tag_from(tag)))
    return [
        SessionHead(
            id=id_,
            uid=uid,
            title=title,
            updated_ms=updated_ms,
            deleted_ms=deleted_ms,
            pinned=bool(pinned),
            tags=tuple((tags or "").split()),
            messages=count,
            leaves=leaves,
            has_draft=bool(has_draft),
            streaming=bool(streaming),
            ending=_ending(tail or ""),
        )
        for (
            id_,
            uid,
            title,
            updated_ms,
            deleted_ms,
            pinned,
            tags,
            count,
            leaves,
            has_draft,
            streaming,
            tail,
        ) in rows
    ]


def load(connection: apsw.Connection, name: str, *, with_traces: bool = False) -> Session:
    """A whole session by its uid or the beginning of it, the trash included; with how its tokens were chosen.

    Raises:
        NoSuchSession: when there is none, or more than one.
        StoreError: when another version of the program wrote it, in a way that is not understood here.
    """
    with connection:  # what is read belongs together, whatever another process writes meanwhile
        session_id = _find(connection, name.strip().casefold())
        row: Any = connection.execute(
            "SELECT s.uid, s.title, s.titled, p.body, s.preset, s.preset_body, s.overrides, s.model,"
            " s.active_root, s.on_full, s.pinned, s.created_ms, s.updated_ms FROM session AS s"
            " JOIN persona AS p ON p.digest = s.persona WHERE s.id = ?",
            (session_id,),
        ).fetchone()
        if row is None:
            raise Damaged(f"Session {name} lacks its persona: the file is damaged. It was left as it is.")
        try:
            loaded = messages.load(connection, session_id, with_traces=with_traces)
            draft, files = drafts.load(connection, session_id)
        except UnicodeDecodeError:
            raise
        except ValueError as error:
            raise Damaged(f"Session {name} holds what cannot be ({error}). The file was left as it is.") from error
        tags = labels.tags_of(connection, session_id)
    return _session(session_id, row, loaded, draft=draft, files=files, tags=tags)


def _session(
    session_id: int,
    row: Any,
    loaded: list[Message],
    *,
    draft: str,
    files: tuple[Attachment, ...],
    tags: tuple[str, ...],
) -> Session:
    (
        uid,
        title,
        titled,
        persona,
        preset,
        preset_body,
        overrides,
        model,
        active_root,
        on_full,
        pinned,
        created,
        updated,
    ) = row
    try:
        return Session(
            id=session_id,
            uid=uid,
            title=title,
            persona=Persona.model_validate_json(persona),
            tree=Tree(loaded, active_root),
            preset=preset_from(preset, preset_body),
            overrides=overrides_from(overrides),
            model=model,
            draft=draft,
            draft_files=files,
            titled=bool(titled),
            on_full=Policy(on_full) if on_full else None,
            pinned=bool(pinned),
            tags=tags,
            created_ms=created,
            updated_ms=updated,
        )
    except ValueError as error:
        raise StoreError(
            f"Session {uid} was written by another chatapp and is not understood here. It was left as it is."
        ) from error


def create(
    connection: apsw.Connection,
    persona: Persona,
    preset: Preset | None,
    overrides: Mapping[str, Any],
    model: str | None,
) -> Session:
    """A new session, without messages. Its persona is kept as it is now."""
    uid, now = new_uid(), now_ms()
    with writing(connection):
        keep_persona(connection, persona)
        connection.execute(
            "INSERT INTO session(uid, persona, preset, preset_body, overrides, model, used, created_ms,"
            " updated_ms) VALUES (?, ?, ?, ?, ?, ?, (SELECT coalesce(max(used), 0) + 1 FROM session), ?, ?)",
            (uid, persona.digest, *preset_columns(preset), overrides_json(overrides), _path(model), now, now),
        )
        session_id = connection.last_insert_rowid()
    return Session(session_id, uid, "", persona, preset=preset, overrides=dict(overrides), model=model)


def rename(connection: apsw.Connection, session_id: int, title: str, *, by_person: bool) -> None:
    """Give a title. What a person chose, no automatic title replaces; an empty one makes room for it again."""
    title = " ".join(repair(title).split())
    with writing(connection):
        connection.execute(
            "UPDATE session SET title = ?, titled = ? WHERE id = ? AND (titled = 0 OR ?)",
            (title, by_person and title != "", session_id, by_person),
        )


def set_deleted(connection: apsw.Connection, session_id: int, *, deleted: bool) -> None:
    """Put a session in the trash, or bring it back."""
    with writing(connection):
        connection.execute(
            "UPDATE session SET deleted_ms = ? WHERE id = ?", (now_ms() if deleted else None, session_id)
        )


def save_sampling(
    connection: apsw.Connection, session_id: int, preset: Preset | None, overrides: Mapping[str, Any]
) -> None:
    """Keep the session's preset and its own settings."""
    with writing(connection):
        connection.execute(
            "UPDATE session SET preset = ?, preset_body = ?, overrides = ? WHERE id = ?",
            (*preset_columns(preset), overrides_json(overrides), session_id),
        )


def save_persona(connection: apsw.Connection, session_id: int, persona: Persona) -> None:
    """Hold the session with another persona from now on; the one before stays, for the replies that name it."""
    with writing(connection):
        keep_persona(connection, persona)
        connection.execute("UPDATE session SET persona = ? WHERE id = ?", (persona.digest, session_id))


def save_model(connection: apsw.Connection, session_id: int, path: str | None) -> None:
    """Remember the model last used."""
    with writing(connection):
        connection.execute("UPDATE session SET model = ? WHERE id = ?", (_path(path), session_id))


def save_policy(connection: apsw.Connection, session_id: int, policy: Policy | None) -> None:
    """Keep what is done when the context window is full."""
    with writing(connection):
        connection.execute("UPDATE session SET on_full = ? WHERE id = ?", (policy, session_id))


def touch(connection: apsw.Connection, session_id: int) -> None:
    """Make it the session used last."""
    with writing(connection):
        messages.use(connection, session_id)


def keep_persona(connection: apsw.Connection, persona: Persona) -> None:
    """Keep a persona as it is now, once. To be called in a transaction."""
    connection.execute(
        "INSERT OR IGNORE INTO persona(digest, body) VALUES (?, ?)", (persona.digest, persona.model_dump_json())
    )


def persona(connection: apsw.Connection, digest: str) -> Persona | None:
    """A persona as it was kept; none where it was not, or is not understood any more."""
    row: Any = connection.execute("SELECT body FROM persona WHERE digest = ?", (digest,)).fetchone()
    try:
        return Persona.model_validate_json(row[0]) if row else None
    except ValueError:
        return None


def _path(model: str | None) -> str | None:
    return None if model is None else storable(model)


def _find(connection: apsw.Connection, name: str) -> int:
    if not name:
        raise NoSuchSession("Name a session by its id, or by the beginning of it.")
    found: list[Any] = connection.execute(
        "SELECT id FROM session WHERE substr(uid, 1, ?) = ? LIMIT 2", (len(name), storable(name))
    ).fetchall()
    if not found:
        raise NoSuchSession(f"There is no session ‘{name}’. `chatapp sessions list` shows them.")
    if len(found) > 1:
        raise NoSuchSession(f"More than one session begins with ‘{name}’. Give more of its id.")
    return int(found[0][0])


def _ending(tail: str) -> str:
    """The last line that has anything on it; where it is long, its end, cut at a word."""
    lines = [" ".join(line.split()) for line in tail.splitlines()]
    line = next((line for line in reversed(lines) if line), "")
    if len(line) <= _ENDING_LENGTH:
        return line
    _, space, rest = line[-_ENDING_LENGTH:].partition(" ")
    return "…" + (rest if space else line[-_ENDING_LENGTH:])
