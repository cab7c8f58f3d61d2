"""A store to take pictures of: the sessions and the conversation of the design, with dates that suit today."""

from __future__ import annotations

import struct
from datetime import datetime, timedelta
from pathlib import Path

import apsw

from chatapp.agenda.reminder import Plan, utc_now
from chatapp.agenda.rules import Rule
from chatapp.agenda.zones import local_zone_name, wall_time, zone_named
from chatapp.conversation.message import Provenance, Segment, Status, StopReason, Timings
from chatapp.conversation.persona import Persona
from chatapp.conversation.sampling import SamplingSettings
from chatapp.store import drafts, labels, messages, notes, reminders, sessions
from chatapp.store.database import open_database

OWNER = "demo"
MODELS: list[tuple[str, str, str, int, float, int, int, int, int, int]] = [
    # place, file, architecture, file type, GB, layers, heads, kv heads, width, context
    ("models", "gemma-3-4b-it-Q4_K_M.gguf", "gemma3", 15, 2.5, 34, 8, 4, 2560, 131_072),
    (
        ".lmstudio/models/lmstudio-community/Qwen3-8B-GGUF",
        "Qwen3-8B-Q4_K_M.gguf",
        "qwen3",
        15,
        5.0,
        36,
        32,
        8,
        4096,
        40_960,
    ),
    (
        ".lmstudio/models/bartowski/Llama-3.3-70B",
        "Llama-3.3-70B-Instruct-Q5_1.gguf",
        "llama",
        9,
        52.4,
        80,
        64,
        8,
        8192,
        131_072,
    ),
    (
        ".cache/llama.cpp",
        "ggml-org_gpt-oss-20b-GGUF_gpt-oss-20b-mxfp4.gguf",
        "gpt-oss",
        38,
        12.1,
        24,
        64,
        8,
        4096,
        131_072,
    ),
]

TALK = [
    (
        'I have read that a language model is "just autocomplete". Is that fair?',
        'It is fair the way "a piano is just hammers" is fair. The mechanism is next-token prediction; the question '
        "is what has to be represented inside to predict well. To finish *the capital of Burkina Faso is*, counting "
        "letter pairs will not do.\n\nWhat stays true in the phrase: there is no plan on paper. Whatever plan there is "
        "has to live in the numbers between one token and the next.",
    ),
    (
        'What is the model really doing when it "writes" the next word?',
        "One forward pass turns the whole conversation into 49,152 numbers, one per token in its vocabulary. A softmax "
        "makes them probabilities. Nothing has been *chosen* yet: the model is done, and what happens from here is "
        "sampling.\n\nSampling is a short pipeline. Each stage removes candidates or bends their probabilities; the "
        "last one draws.\n\n- **Penalties** push down what was just said.\n- **Top-k**, **top-p** and **min-p** cut "
        "the tail.\n- **Temperature** flattens or sharpens what is left.",
    ),
    (
        "Is min-p not just top-p under another name?",
        "No. Top-p keeps a fixed *share of the mass*. Min-p keeps whatever comes *close to the favourite*, so it moves "
        "with the model's doubt:\n\n| favourite | top-p 0.95 | min-p 0.1 | stricter |\n|---:|---:|---:|---|\n"
        "| 0.92 | 2 tokens | 1 token | equal |\n| 0.40 | 31 tokens | 6 tokens | **min-p** |\n"
        "| 0.06 | 412 tokens | 74 tokens | **min-p** |",
    ),
    (
        "Show me min-p in numpy.",
        "```python\ndef min_p(logits, p=0.1):\n    probs = softmax(logits)  # sums to 1\n"
        "    keep = probs >= p * probs.max()\n    return where(keep, logits, -inf)\n```",
    ),
    (
        "When would you still reach for top-p?",
        "When you want a *budget*: it says how much of the probability may be spent.",
    ),
]
WHAT_ELSE = "They differ in what they hold fixed: the share of the mass, or the distance to the favourite."
RUST = "```rust\nfn min_p(logits: &mut [f32], p: f32) {\n    let top = max(logits);\n}\n```"
LAST_REPLY = (
    "When you want a *budget* and not a threshold. Top-p bounds how much probability the draw may spend on unlikely "
    "words, however the model feels about the favourite; for short factual replies that is the safer promise. It is "
    "also the setting that most people know, and so the one that travels best between programs."
)
OTHERS = [
    ("House rules", timedelta(days=44), "Answer in the language of the question."),
    ("Reading list", timedelta(days=22), "Three more on tokenisers, and the one about attention."),
    ("Ode to Joy", timedelta(days=14), "Joy, thou lovely spark of gods, it keeps its promise."),
    ("Names for a boat", timedelta(days=11), "Second Thoughts. Quiet Quitter. Ilse."),
    ("SQL windows", timedelta(days=7), "rows between 6 preceding and current row"),
    ("Sourdough, again", timedelta(days=5), "72 % water, and leave it alone overnight."),
    ("Trip to Ghent", timedelta(days=4), "The 8:52 arrives before the museum opens."),
    ("Flash attention", timedelta(days=1, hours=3), "Same sums in another order, so the last digit moves."),
    ("Board minutes", timedelta(days=1, hours=1), "Decided: the second quote, with the caveat."),
    ("Sonnet about rain", timedelta(days=1), "Three pigeons hold a meeting under the eaves."),
    ("Regex for dates", timedelta(hours=5), "The named group keeps the offset apart."),
    ("Letter to the landlord", timedelta(hours=4), "Dear Ms Okafor, the boiler has now been cold for a week."),
]
PINNED = {"House rules", "Reading list"}
TAGS = {
    "Letter to the landlord": ("home", "letters"),
    "Board minutes": ("letters", "work"),
    "SQL windows": ("work",),
    "Regex for dates": ("work",),
    "Sampling, explained": ("models",),
}


def build(database: Path, tutor: Persona, *, planned: bool = False) -> str:
    """Make the store; returns the uid of the session in the pictures."""
    connection = open_database(database)
    now = datetime.now().astimezone()
    for title, ago, ending in OTHERS:
        session = sessions.create(connection, Persona(name="Assistant"), None, {}, None)
        _turn(connection, session.id, None, title, [ending])
        sessions.rename(connection, session.id, title, by_person=True)
        labels.tag(connection, session.id, TAGS.get(title, ()), ())
        labels.pin(connection, session.id, pinned=title in PINNED)
        _date(connection, session.id, now - ago)
        if title.startswith("Sonnet"):
            drafts.save(connection, session.id, "the third quatrain should")
    chosen = sessions.create(connection, tutor, None, {"temperature": 0.65}, None)
    parent: int | None = None
    for place, (question, answer) in enumerate(TALK):
        answers = [answer, answer.replace("No.", "Not quite.")] if place == 2 else [answer]
        parent = _turn(connection, chosen.id, parent, question, answers)
        _branch_off(connection, chosen.id, place, parent)
    sessions.rename(connection, chosen.id, "Sampling, explained", by_person=True)
    labels.tag(connection, chosen.id, TAGS["Sampling, explained"], ())
    if planned:
        plan(connection)
    connection.close()
    return chosen.uid


def plan(connection: apsw.Connection) -> None:
    """Reminders and notes for a picture of the agenda, with dates that suit today."""
    zone = local_zone_name()
    now = wall_time(utc_now(), zone_named(zone)).replace(second=0, microsecond=0)
    later = [
        ("call the landlord about the boiler", timedelta(hours=-2), None),
        ("send the invoices", timedelta(days=-2), None),
        ("stand-up", timedelta(minutes=40), Rule(every="week", weekdays=(0, 1, 2, 3, 4))),
        ("take the bread out", timedelta(minutes=20), None),
        ("dentist", timedelta(days=2, hours=1), None),
        ("pay the rent", timedelta(days=9), Rule(every="month", nth=1, weekdays=(0,))),
        ("water the orchid", timedelta(days=1), Rule(every="day", interval=3)),
        ("back up the disk", timedelta(days=6), Rule(every="month", day=31)),
        ("Ilse’s birthday", timedelta(days=40), Rule(every="year")),
    ]
    for text, away, rule in later:
        reminders.add(connection, Plan(text=text, start=now + away, zone=zone, rule=rule))
    for text in ("The 8:52 arrives before the museum opens", "72 % water, and leave it alone overnight"):
        notes.add(connection, text)


def _branch_off(connection: apsw.Connection, session: int, place: int, reply: int) -> None:
    """What was tried besides, and left for the way in the pictures."""
    if place == 2:
        asked = connection.execute("SELECT parent FROM message WHERE id = ?", (reply,)).fetchone()
        other = messages.begin_reply(
            connection, OWNER, session, asked and asked[0], text="", token_ids=(), provenance=None
        )
        _finish(connection, other.id, WHAT_ELSE)
        _turn(
            connection,
            session,
            other.id,
            "Who came up with it?",
            ["Nguyen and others, in 2024.", "I am not certain."],
        )
        messages.activate(connection, session, [(asked and asked[0], reply)])
    elif place == 3:
        _turn(connection, session, reply, "Now the same in Rust.", [RUST])


def _turn(connection: apsw.Connection, session: int, parent: int | None, question: str, answers: list[str]) -> int:
    asked, reply = messages.begin_turn(connection, OWNER, session, parent, question)
    _finish(connection, reply.id, answers[0])
    for answer in answers[1:]:
        reply = messages.begin_reply(connection, OWNER, session, asked.id, text="", token_ids=(), provenance=None)
        _finish(connection, reply.id, answer)
    return reply.id


def _finish(connection: apsw.Connection, reply: int, text: str) -> None:
    made = Provenance(
        model_name="SmolLM2 135M Q4_1",
        model_path="/models/SmolLM2-135M-Instruct.Q4_1.gguf",
        model_fingerprint="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        prompt_tokens=1284,
        reused_tokens=1132,
        evaluated_tokens=152,
        stop_reason=StopReason.END,
        preset="Balanced",
        segments=(Segment(from_token=0, settings=SamplingSettings(temperature=0.65), seed=918204417),),
        timings=Timings(prefill_s=0.19, first_token_s=0.21, decode_s=len(text) / 125, tokens_per_s=31.2),
        generated_tokens=len(text) // 4,
    )
    ids = range(len(text) // 4)
    messages.finish(connection, OWNER, reply, status=Status.COMPLETE, provenance=made, text=text, token_ids=ids)


def _date(connection: apsw.Connection, session: int, when: datetime) -> None:
    connection.execute("UPDATE session SET updated_ms = ? WHERE id = ?", (int(when.timestamp() * 1000), session))


def build_models(data: Path, home: Path) -> None:
    """Model files that are all header, in the places of several programs; their weights are holes."""
    for place, name, kind, stored, size, *facts in MODELS:
        folder = data / place if place == "models" else home / place
        folder.mkdir(parents=True, exist_ok=True)
        _hollow_model(folder / name, kind, stored, size, *facts)
    (data / "models" / "unfinished-download.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 1, 40) + bytes(8))


def _hollow_model(path: Path, kind: str, stored: int, size: float, *facts: int) -> None:
    names = (
        "block_count",
        "attention.head_count",
        "attention.head_count_kv",
        "embedding_length",
        "context_length",
    )
    numbers = {
        "general.file_type": stored,
        **{f"{kind}.{key}": fact for key, fact in zip(names, facts, strict=True)},
    }
    elements = int(size * 1e9 / 18) * 32
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, 1, len(numbers) + 1))
        file.write(_text("general.architecture") + struct.pack("<I", 8) + _text(kind))
        for key, number in numbers.items():
            file.write(_text(key) + struct.pack("<II", 4, number))
        file.write(_text("weights") + struct.pack("<IQIQ", 1, elements, 2, 0))
        file.truncate(file.tell() // 32 * 32 + 32 + elements // 32 * 18)


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()
