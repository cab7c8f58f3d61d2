"""The tables, as a list of numbered migrations. A released migration is never changed; a new one is appended."""

from __future__ import annotations

from collections.abc import Callable

import apsw

from chatapp.store.transaction import writing

APPLICATION_ID = 0x63684170
"""The number in the file's header that says whose database it is."""

_FIRST = """
-- Personas as they were when a session began, each content once.
CREATE TABLE persona(
    digest TEXT PRIMARY KEY,
    body   TEXT NOT NULL CHECK(json_valid(body))
) STRICT, WITHOUT ROWID;

CREATE TABLE session(
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    uid         TEXT NOT NULL UNIQUE,
    title       TEXT NOT NULL DEFAULT '',
    titled      INTEGER NOT NULL DEFAULT 0 CHECK(titled IN (0, 1)),
    persona     TEXT NOT NULL REFERENCES persona(digest),
    preset      TEXT,
    overrides   TEXT NOT NULL DEFAULT '{}' CHECK(json_valid(overrides)),
    model       TEXT,
    active_root INTEGER,
    used        INTEGER NOT NULL,  -- counts up with every use: the order of the list does not hang on the clock
    created_ms  INTEGER NOT NULL,
    updated_ms  INTEGER NOT NULL,
    deleted_ms  INTEGER
) STRICT;
CREATE UNIQUE INDEX session_used ON session(used);

-- The big columns stand last, so that counting and walking the tree do not read them.
-- active_root and active_child are wishes, not references: the tree takes the newest child where they are wrong.
CREATE TABLE message(
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    uid          TEXT NOT NULL UNIQUE,
    session      INTEGER NOT NULL REFERENCES session(id) ON DELETE CASCADE,
    parent       INTEGER,
    role         TEXT NOT NULL CHECK(role IN ('system', 'user', 'assistant')),
    status       TEXT NOT NULL CHECK(status IN ('streaming', 'complete', 'stopped', 'interrupted', 'error')),
    owner        TEXT,  -- the lease of the process that writes it, while it streams
    active_child INTEGER,
    created_ms   INTEGER NOT NULL,
    deleted_ms   INTEGER,
    body         TEXT NOT NULL,
    provenance   TEXT NOT NULL DEFAULT '{}' CHECK(json_valid(provenance)),
    token_ids    BLOB NOT NULL DEFAULT x'' CHECK(length(token_ids) % 4 = 0),  -- uint32, little-endian
    UNIQUE(session, id),
    FOREIGN KEY(session, parent) REFERENCES message(session, id),
    CHECK((status = 'streaming') = (owner IS NOT NULL))
) STRICT;
CREATE INDEX message_tree ON message(session, parent, deleted_ms);
CREATE INDEX message_streaming ON message(session) WHERE status = 'streaming';

CREATE TABLE draft(
    session    INTEGER PRIMARY KEY REFERENCES session(id) ON DELETE CASCADE,
    body       TEXT NOT NULL,
    updated_ms INTEGER NOT NULL
) STRICT;

-- The search index holds final messages only: a reply is indexed once, when it ends. It reads through the view, so
-- that rebuilding it gives the same index again.
CREATE VIEW message_final AS SELECT id, body FROM message WHERE status <> 'streaming';
CREATE VIRTUAL TABLE message_fts USING fts5(
    body, content='message_final', content_rowid='id', tokenize='unicode61 remove_diacritics 2'
);
INSERT INTO message_fts(message_fts, rank) VALUES ('secure-delete', 1);
CREATE TRIGGER message_said AFTER INSERT ON message WHEN new.status <> 'streaming' BEGIN
    INSERT INTO message_fts(rowid, body) VALUES (new.id, new.body);
END;
CREATE TRIGGER message_ended AFTER UPDATE OF status ON message
WHEN old.status = 'streaming' AND new.status <> 'streaming' BEGIN
    INSERT INTO message_fts(rowid, body) VALUES (new.id, new.body);
END;
CREATE TRIGGER message_gone AFTER DELETE ON message WHEN old.status <> 'streaming' BEGIN
    INSERT INTO message_fts(message_fts, rowid, body) VALUES ('delete', old.id, old.body);
END;
"""


def _first(connection: apsw.Connection) -> None:
    connection.pragma("application_id", APPLICATION_ID)
    connection.execute(_FIRST)


_AGENDA = """
-- Wall times are text, YYYY-MM-DDTHH:MM: they mean nothing without their zone, and sort as they stand.
CREATE TABLE reminder(
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    uid        TEXT NOT NULL UNIQUE,
    starts     TEXT NOT NULL,
    zone       TEXT NOT NULL,
    rule       TEXT CHECK(json_valid(rule)),
    told       TEXT,     -- the latest occurrence that was told, and dealt with
    done       TEXT,
    snoozed_ms INTEGER,
    calendar   TEXT,     -- the event's name in the calendar that it came from
    created_ms INTEGER NOT NULL,
    deleted_ms INTEGER,
    body       TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX reminder_calendar ON reminder(calendar) WHERE calendar IS NOT NULL AND deleted_ms IS NULL;

CREATE TABLE note(
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    uid        TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    deleted_ms INTEGER,
    body       TEXT NOT NULL
) STRICT;
CREATE VIRTUAL TABLE note_fts USING fts5(
    body, content='note', content_rowid='id', tokenize='unicode61 remove_diacritics 2'
);
INSERT INTO note_fts(note_fts, rank) VALUES ('secure-delete', 1);
CREATE TRIGGER note_written AFTER INSERT ON note BEGIN
    INSERT INTO note_fts(rowid, body) VALUES (new.id, new.body);
END;
CREATE TRIGGER note_gone AFTER DELETE ON note BEGIN
    INSERT INTO note_fts(note_fts, rowid, body) VALUES ('delete', old.id, old.body);
END;
"""


def _agenda(connection: apsw.Connection) -> None:
    connection.execute(_AGENDA)


_BORDERS = """
-- Borders of the context window: a cut or a summary is a child of the last message that the model does not see,
-- and no part of any path.
ALTER TABLE message ADD COLUMN kind TEXT NOT NULL DEFAULT 'said' CHECK(kind IN ('said', 'cut', 'summary'));
ALTER TABLE message ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0 CHECK(pinned IN (0, 1));
ALTER TABLE message ADD COLUMN undone INTEGER NOT NULL DEFAULT 0 CHECK(undone IN (0, 1));
ALTER TABLE session ADD COLUMN on_full TEXT;  -- what is done when the window is full; none: as the settings say
"""


def _borders(connection: apsw.Connection) -> None:
    connection.execute(_BORDERS)


_LABELS = """
ALTER TABLE session ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0 CHECK(pinned IN (0, 1));
CREATE INDEX session_pinned ON session(used) WHERE pinned = 1;
CREATE TABLE tag(
    session INTEGER NOT NULL REFERENCES session(id) ON DELETE CASCADE,
    name    TEXT NOT NULL,
    PRIMARY KEY(session, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX tag_name ON tag(name);
"""

UNSPACED = (
    "*[\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]*"
)
"""A pattern for texts in scripts that put no spaces between words, or hang particles on them: Thai, Lao, Tibetan,
Burmese, Khmer, kana, Han, Hangul."""

# An index of such texts by every two or three characters was measured: five times the text on disk and 0.4 ms for
# each message, to answer no sooner than this list of them, which is walked in 70 ms for 100,000.
_UNSPACED_MESSAGES = f"CREATE INDEX message_unspaced ON message(id) WHERE body GLOB '{UNSPACED}';"


def _labels_and_unspaced(connection: apsw.Connection) -> None:
    connection.execute(_LABELS)
    connection.execute(_UNSPACED_MESSAGES)


_TRACES = """
-- How the tokens of a reply were chosen, where that was recorded; packed by `conversation.trace`.
CREATE TABLE trace(
    message INTEGER PRIMARY KEY REFERENCES message(id) ON DELETE CASCADE,
    body    BLOB NOT NULL
) STRICT;
"""


def _traces(connection: apsw.Connection) -> None:
    connection.execute(_TRACES)


_ATTACHMENTS = """
-- The texts of files that messages brought along, each content once, and which message brought which.
CREATE TABLE attachment(
    digest TEXT PRIMARY KEY,  -- of what stands in this row
    unit   TEXT NOT NULL CHECK(unit IN ('line', 'page', 'paragraph')),
    starts BLOB NOT NULL CHECK(length(starts) % 4 = 0),  -- uint32, little-endian
    body   TEXT NOT NULL
) STRICT;
CREATE TABLE message_attachment(
    message  INTEGER NOT NULL REFERENCES message(id) ON DELETE CASCADE,
    place    INTEGER NOT NULL,
    document TEXT NOT NULL REFERENCES attachment(digest),
    about    TEXT NOT NULL CHECK(json_valid(about)),
    PRIMARY KEY(message, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_attachment_document ON message_attachment(document);
"""


def _attachments(connection: apsw.Connection) -> None:
    connection.execute(_ATTACHMENTS)


_PRESETS = """
ALTER TABLE session ADD COLUMN preset_body TEXT CHECK(json_valid(preset_body));  -- as it was when chosen
"""


def _presets(connection: apsw.Connection) -> None:
    connection.execute(_PRESETS)


_PARTS = """
-- What came of each part of a document, kept with the reply that was made of them.
CREATE TABLE part(
    message INTEGER NOT NULL REFERENCES message(id) ON DELETE CASCADE,
    round   INTEGER NOT NULL,
    place   INTEGER NOT NULL,
    digest  TEXT NOT NULL,  -- of everything that the text depends on: the same question is never asked twice
    about   TEXT NOT NULL CHECK(json_valid(about)),
    body    TEXT NOT NULL,
    PRIMARY KEY(message, round, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX part_digest ON part(digest) WHERE digest <> '';
"""


def _parts(connection: apsw.Connection) -> None:
    connection.execute(_PARTS)


_DRAFT_FILES = """
-- The files that go with what is being written; their texts stand with those of messages.
CREATE TABLE draft_attachment(
    session  INTEGER NOT NULL REFERENCES session(id) ON DELETE CASCADE,
    place    INTEGER NOT NULL,
    document TEXT NOT NULL REFERENCES attachment(digest),
    about    TEXT NOT NULL CHECK(json_valid(about)),
    PRIMARY KEY(session, place)
) STRICT;  -- with a rowid: a rescue tells it from message_attachment by that
CREATE INDEX draft_attachment_document ON draft_attachment(document);
"""


def _draft_files(connection: apsw.Connection) -> None:
    connection.execute(_DRAFT_FILES)


MIGRATIONS: tuple[Callable[[apsw.Connection], None], ...] = (
    _first,
    _agenda,
    _borders,
    _labels_and_unspaced,
    _traces,
    _attachments,
    _presets,
    _parts,
    _draft_files,
)
VERSION = len(MIGRATIONS)
FILES_SINCE, DRAFT_FILES_SINCE = 6, 9
"""The formats that first had files of messages, and of drafts: a backup may be older."""


def migrate(connection: apsw.Connection) -> None:
    """Bring the tables to this program's version, one transaction a step, the version number included."""
    while version_of(connection) < VERSION:
        with writing(connection):
            # Another process may have done the step while this one waited for its turn.
            done = version_of(connection)
            for step in MIGRATIONS[done : done + 1]:
                step(connection)
                connection.pragma("user_version", done + 1)


def version_of(connection: apsw.Connection) -> int:
    """How many migrations the database has seen."""
    return int(connection.pragma("user_version"))
