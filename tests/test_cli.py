"""The command line as scripts rely on it: shapes, exit statuses, sentences, and what is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import psutil
import pytest
from engine.tiny_gguf import gguf

from chatapp.cli import main
from chatapp.conversation.message import Provenance, Status
from chatapp.conversation.persona import Persona
from chatapp.store import Store

CHATAPP = [sys.executable, "-m", "chatapp"]
LONG = "Write a very long story about a lighthouse keeper and the sea."
PLAIN = ("--system", "", "--max-tokens", "4", "--temperature", "0")
"""As few tokens as an answer can have, so that a question costs little more than a load."""


@dataclass
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def chatapp(home):
    """Runs a command as a process of its own."""

    def run(*argv, stdin="", **env):
        command = [*CHATAPP, *argv, "--data-dir", str(home)]
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, **env},
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def call(home, capsys, monkeypatch):
    """Runs a command in this process, with nothing piped in: for all that needs no process to itself."""
    monkeypatch.setattr(sys, "stdin", None)

    def run(*argv):
        try:
            status = main([*argv, "--data-dir", str(home)])
        except SystemExit as leaving:
            status = leaving.code
        return Done(status, *capsys.readouterr())

    return run


def assert_refused(done, kind, *words):
    """Exit 1, the error as JSON on stdout, and the same sentence on stderr."""
    assert done.status == 1
    assert set(done.json) == {"error"}
    assert set(done.json["error"]) == {"kind", "message"}
    assert done.json["error"]["kind"] == kind
    message = done.json["error"]["message"]
    assert done.err.rstrip().endswith(message)
    assert "Traceback" not in done.err
    for word in words:
        assert word in message


def assert_gone(processes, seconds=2.0):
    """Every process ends in time. A zombie has: whoever should have waited for it was killed."""
    deadline = time.monotonic() + seconds
    while left := [one for one in processes if _lives(one)]:
        assert time.monotonic() < deadline, f"still alive: {left}"
        time.sleep(0.02)


def _lives(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# ask --------------------------------------------------------------------------------------------------------


def test_ask_prints_one_document_with_everything_that_scripts_rely_on(chatapp, home):
    """Text, ids, exact counts, settings and timings; nothing is saved unless it is asked for."""
    answer = chatapp("ask", "Say hello.", "--json", "--max-tokens", "4", "--seed", "7", "--top-k", "5")
    assert answer.status == 0
    assert answer.err == ""
    told = answer.json
    assert set(told) == {
        *("text", "token_ids", "prompt_tokens", "reused_tokens", "evaluated_tokens", "generated_tokens"),
        *("stop_reason", "complete", "seed", "sampling", "model", "context", "timings", "session", "message"),
    }
    assert told["prompt_tokens"] == told["reused_tokens"] + told["evaluated_tokens"]
    assert told["generated_tokens"] == len(told["token_ids"]) == 4
    assert (told["stop_reason"], told["seed"]) == ("max_tokens", 7)
    assert (told["sampling"]["top_k"], told["sampling"]["max_tokens"]) == (5, 4)
    assert {"load_s", "prefill_s", "first_token_s", "decode_s", "tokens_per_s"} == set(told["timings"])
    assert {"name", "path", "fingerprint"} == set(told["model"])
    assert told["session"] is told["message"] is None
    assert not (home / "chats.db").exists()


def test_several_replies_are_printed_one_after_the_other(chatapp, call):
    """A line of JSON each, with the seed that it was drawn with; the prompt was paid once, and all are kept."""
    asked = (
        "ask",
        "Name a colour.",
        "--system",
        "",
        "--max-tokens",
        "4",
        "-n",
        "3",
        "--seed",
        "7",
        "--save",
        "--json",
    )
    done = chatapp(*asked)
    assert done.status == 0, done.err
    replies = [json.loads(line) for line in done.out.splitlines()]
    assert [(one["way"], one["seed"], one["differs"]) for one in replies] == [
        (0, 7, "seed 7"), (1, 8, "seed 8"), (2, 9, "seed 9"),
    ]  # fmt: skip
    assert [one["evaluated_tokens"] for one in replies] == [replies[0]["prompt_tokens"], 0, 0]
    shown = call("sessions", "show", replies[0]["session"], "--json").json
    said = [message["text"] for message in shown["messages"] if message["role"] == "assistant"]
    assert said == [one["text"] for one in replies]
    assert call("ask", "Hello", "-n", "9").status == 1


def test_ask_tells_the_plan_of_the_window_and_what_it_took(chatapp):
    """The parts of the plan add up to the prompt; --verbose says the figures on standard error."""
    answer = chatapp("ask", "Say hello.", "--json", "--verbose", "--system", "Be brief.", "--max-tokens", "4")
    plan = answer.json["context"]
    parts = ("system", "summary", "examples", "greeting", "memory", "files", "history", "draft", "reply")
    assert sum(plan[part] for part in parts) == plan["prompt"] == answer.json["prompt_tokens"]
    assert plan["prompt"] + plan["reserve"] + plan["free"] == plan["size"]
    assert (plan["reserve"], plan["messages_left_out"]) == (4, 0)
    assert re.search(r"reused 0 +read \d+ at [\d,]+ tok/s +first token [\d.]+ s +wrote 4 at", answer.err)


def test_ask_does_what_it_is_told_when_the_window_is_full(chatapp, home):
    """A question that cannot fit is refused by name; a long session is cut, summed up or refused."""
    (home / "config").mkdir(parents=True)
    (home / "config" / "settings.toml").write_text("context = 256\n")
    long = chatapp("ask", "lamp " * 300, "--json")
    assert (long.status, long.json["error"]["kind"]) == (1, "context")
    assert "tokens too many for the context window of 256" in long.err
    text = " ".join(f"lamp {number}" for number in range(30))
    tail = ("--json", "--save", "--max-tokens", "8")
    first = chatapp("ask", text, *tail).json
    again = ("ask", text, "--session", first["session"], *tail)
    refused = chatapp(*again, "--on-full", "stop")
    assert (refused.status, refused.json["error"]["kind"]) == (1, "context")
    dropped = chatapp(*again, "--on-full", "drop")
    assert dropped.json["context"]["messages_left_out"] == 2
    assert "the oldest 2 messages are left out" in dropped.err
    summed = chatapp(*again, "--on-full", "summarise")
    assert summed.json["context"]["summary"] > 0
    assert "the oldest 4 messages are summed up" in summed.err


def test_a_saved_answer_can_be_shown_and_gone_on_with(chatapp, call):
    """--save keeps it, --session and --continue go on with it, what is piped in comes after the text."""
    first = chatapp("ask", "Read this:", "--save", "--json", *PLAIN, stdin="a lamp\n").json
    second = chatapp("ask", "And this?", "--session", first["session"][:8], "--json").json
    plain = chatapp("ask", "And now?", "--continue")
    assert second["session"] == first["session"]
    assert second["sampling"]["max_tokens"] == 4, "the session keeps the settings that it was begun with"
    assert plain.status == 0

    [listed] = call("sessions", "list", "--json").json
    assert {"id", "title", "messages", "updated"} <= set(listed)
    assert (listed["id"], listed["messages"]) == (first["session"], 6)

    shown = call("sessions", "show", first["session"], "--json").json
    assert {"id", "title", "persona", "tip", "messages"} <= set(shown)
    assert {"id", "parent", "role", "status", "text", "provenance"} <= set(shown["messages"][0])
    assert [message["role"] for message in shown["messages"]] == ["user", "assistant"] * 3
    assert [message["parent"] for message in shown["messages"]] == [
        None,
        *(message["id"] for message in shown["messages"][:-1]),
    ]
    assert shown["messages"][0]["text"] == "Read this:\n\na lamp"
    assert shown["messages"][1]["id"] == first["message"]
    assert shown["messages"][1]["text"] == first["text"]
    assert shown["messages"][1]["provenance"]["generated_tokens"] == 4
    assert shown["messages"][-1]["text"] == plain.out.removesuffix("\n")
    assert shown["tip"] == shown["messages"][-1]["id"]
    assert shown["persona"]["system"] == "", "an empty --system sends no system message"


def test_system_replaces_the_persona_altogether(chatapp):
    """The prompt is as short as what was said: no persona's prompt, no examples."""
    told = chatapp("ask", "Hi", "--json", "--max-tokens", "1", "--system", "You are a pirate.").json
    assert told["prompt_tokens"] < 30


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ask_killed_while_it_answers_leaves_no_engine(chatapp, home, number):
    """The engine goes with it, within two seconds; what was said so far is kept, where it was to be saved."""
    command = [*CHATAPP, "ask", LONG, "--save", "--max-tokens", "2000", "--system", "", "--data-dir", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.read(400)  # some 80 tokens: the first 64 of them are written at once
        engines = psutil.Process(process.pid).children(recursive=True)
        assert engines
        process.send_signal(number)
        status = process.wait(5)
        assert process.stderr.read() == b""
    assert_gone(engines)
    assert status == (-number if number == signal.SIGKILL else 130)
    reply = chatapp("sessions", "show", *_ids(chatapp), "--json").json["messages"][1]
    assert reply["status"] == "interrupted"
    assert reply["text"]
    made = reply["provenance"]
    assert made["model_fingerprint"]
    assert made["segments"][0]["settings"]["max_tokens"] == 2000
    assert made["generated_tokens"] > 0


def _ids(chatapp):
    return [session["id"] for session in chatapp("sessions", "list", "--json").json]


def test_ask_killed_while_the_model_loads_leaves_no_engine(home):
    """At any moment means also before the first word."""
    command = [*CHATAPP, "ask", LONG, "--data-dir", str(home)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        mother, deadline = psutil.Process(process.pid), time.monotonic() + 20
        while not (engines := mother.children(recursive=True)) and time.monotonic() < deadline:
            time.sleep(0.005)
        assert engines
        process.kill()
    assert_gone(engines)


def test_a_reader_that_goes_away_ends_ask_without_a_word(home):
    """`chatapp ask … | head -c 1`: no traceback, and no engine that goes on."""
    command = [*CHATAPP, "ask", LONG, "--max-tokens", "2000", "--data-dir", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.read(1)
        engines = psutil.Process(process.pid).children(recursive=True)
        process.stdout.close()
        assert process.wait(5) == 1
        assert process.stderr.read() == b""
    assert_gone(engines)


def test_a_model_that_cannot_be_loaded_is_refused_in_a_sentence(chatapp, tmp_path):
    """A sound header with nothing behind it passes the first look; llama.cpp's own reason is handed on."""
    (tmp_path / "hollow.gguf").write_bytes(gguf())
    done = chatapp("ask", "Hi", "--model", str(tmp_path / "hollow.gguf"), "--json")
    assert_refused(done, "engine", "hollow.gguf cannot be loaded")


@pytest.mark.parametrize(
    ("flags", "kind", "words"),
    [
        (("--temperature", "9"), "sampling", "--temperature must be 0 to 5"),
        (("--temperature", "nan"), "sampling", "temperature"),
        (("--top-p", "-0.1"), "sampling", "--top-p must be 0 to 1"),
        (("--min-p", "inf"), "sampling", "--min-p"),
        (("--max-tokens", "0"), "sampling", "--max-tokens must be 1 to 1,"),
        (("--seed", "-2"), "sampling", "seed"),
        (("--repeat-penalty", "99"), "sampling", "--repeat-penalty"),
        (("--stop", ""), "sampling", "--stop"),
        (("--banned-word", ""), "sampling", "--banned-word must"),
        (("--gpu-layers", "-2"), "settings", "--gpu-layers"),
        (("--context", "16"), "settings", "--context cannot be 16: must be 0, or 64 to 16,777,216"),
        (("--threads", "-1"), "settings", "--threads"),
        (("--kv-type", "q9"), "settings", "--kv-type cannot be 'q9'"),
        (("--logprobs", "-1"), "range", "--logprobs takes 0 to"),
        (("-n", "9"), "range", "-n takes 2 to 8"),
        (("--preset", "Nothing"), "preset", "Balanced"),
        (("--persona", "Nobody"), "persona", "There is no persona called ‘Nobody’"),
        (("--session", "nope"), "store", "There is no session ‘nope’"),
        (("--model", "nope"), "model", "There is no model ‘nope’"),
        (("--model", "/nowhere/at/all.gguf"), "model", "/nowhere/at/all.gguf"),
    ],
)
def test_ask_refuses_before_it_loads_anything(call, flags, kind, words):
    """A value out of its range, and a name that means nothing: one sentence that says so."""
    began = time.monotonic()
    assert_refused(call("ask", "Hi", "--json", *flags), kind, words)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    "argv",
    [
        ("ask", "--no-such-flag"),
        ("ask", "one", "two"),
        ("ask", "Hi", "--top-k", "many"),
        ("ask", "Hi", "--session", "x", "--continue"),
        ("sessions",),
        ("sessions", "fly"),
        ("sessions", "rename", "x"),
        ("models", "show"),
        ("no-such-command",),
        ("--model", "x", "ask", "Hi"),
        ("--persona", "Tutor", "ask", "Hi"),
        ("--continue", "ask", "Hi"),
        ("--session", "x", "ask", "Hi"),
        ("--temporary", "ask", "Hi"),
        ("--context", "0", "sessions", "list"),
    ],
)
def test_wrong_usage_exits_with_2(call, argv):
    """The usage is on stderr, and nothing on stdout."""
    done = call(*argv)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("usage: chatapp")


@pytest.mark.parametrize(("command", "words"), [("ask", "Nothing to ask"), ("tokenize", "Nothing to tokenise")])
def test_nothing_to_work_on_is_wrong_usage(call, command, words):
    """For people by the exit status; a program is told of every error in the same way."""
    assert_refused(call(command, "--json"), "usage", words)
    plain = call(command)
    assert (plain.status, plain.out) == (2, "")
    assert words in plain.err


# sessions, personas, models, doctor -------------------------------------------------------------------------


@pytest.fixture
def session(call, home):
    """The id of a session with a question and a reply, made without an engine."""

    async def make():
        store = await Store.open(home / "chats.db")
        made = await store.create_session(Persona(name="Plain"))
        _, reply = await store.begin_turn(made.id, None, "What is\x1b[31m red?")
        await store.append(reply.id, "A colour.\x1b]52;c;aGk=\x07", (1, 2))
        await store.finish(reply.id, Status.COMPLETE, Provenance())
        await store.rename(made.id, "Red \x1b[2J things")
        await store.close()
        return made.uid

    return asyncio.run(make())


def test_a_session_is_renamed_thrown_away_and_brought_back(call, session):
    """Each verb says the id with --json, and the list follows."""
    assert call("sessions", "rename", session, "Blue things", "--json").json == {"id": session}
    assert [one["title"] for one in call("sessions", "list", "--json").json] == ["Blue things"]
    assert call("sessions", "delete", session[:8], "--json").json == {"id": session}
    assert call("sessions", "list", "--json").json == []
    assert [one["id"] for one in call("sessions", "list", "--deleted", "--json").json] == [session]
    thrown_away = call("sessions", "show", session)
    assert "is in the trash" in thrown_away.err
    assert call("sessions", "show", session, "--json").json["in_trash"]
    assert call("sessions", "restore", session, "--json").json == {"id": session}
    assert call("sessions", "show", session).err == ""
    assert_refused(call("sessions", "rename", session, " ", "--json"), "title", "empty title")
    assert [one["id"] for one in call("sessions", "list", "--json").json] == [session]


def test_the_data_folder_may_be_named_before_the_command_and_after_it(home, session, capsys, tmp_path):
    """The one after it is the nearer one."""
    for argv in (
        ["--data-dir", str(home), "sessions", "list", "--json"],
        ["sessions", "list", "--json", "--data-dir", str(home)],
        ["--data-dir", str(tmp_path / "other"), "sessions", "list", "--json", "--data-dir", str(home)],
    ):
        assert main(argv) == 0
        assert [one["id"] for one in json.loads(capsys.readouterr().out)] == [session]
    assert not (tmp_path / "other").exists()


def test_ask_goes_on_with_a_session_and_saves_nothing_if_told_so(call, session, home):
    """The reply was made in the session's context, and the session is as it was, settings included."""
    before = call("sessions", "show", session, "--json").json
    for which in (("--continue",), ("--session", session)):
        told = call("ask", "And blue?", *which, "--no-save", "--max-tokens", "2", "--seed", "7", "--json")
        assert told.status == 0, told.err
        assert told.json["session"] is None
        assert told.json["context"]["history"] > 0
    assert call("sessions", "show", session, "--json").json == before
    assert len(call("sessions", "list", "--json").json) == 1
    again = call("ask", "And blue?", "--session", session, "--no-save", "--max-tokens", "1", "--json")
    assert again.json["sampling"]["seed"] != 7


@pytest.mark.parametrize("verb", ["show", "delete", "restore", "export"])
def test_a_session_that_is_not_there_is_refused(call, verb):
    assert_refused(call("sessions", verb, "nope", "--json"), "store", "There is no session ‘nope’")


def test_a_session_is_shown_as_text_without_its_escape_sequences(call, session):
    """What people read is made harmless; --json gives it as it was said."""
    for argv in (("sessions", "list"), ("sessions", "show", session)):
        done = call(*argv)
        assert done.status == 0
        assert not set("\x1b\x07") & set(done.out)
        assert "␛" in done.out
    said = call("sessions", "show", session, "--json").json["messages"]
    assert said[1]["text"] == "A colour.\x1b]52;c;aGk=\x07"


def test_presets_are_saved_from_flags_listed_shown_used_and_deleted(call, home):
    """A preset of one's own is known to every command; its name is not taken without a word."""
    saved = call("presets", "save", "Noir", "--preset", "Precise", "--top-k", "6", "--json").json
    assert saved["values"] == {"temperature": 0.3, "top_p": 0.9, "top_k": 6}
    assert_refused(call("presets", "save", "noir", "--json"), "preset", "‘Noir’", "--force")
    assert_refused(call("presets", "save", "Wild", "--json"), "preset", "‘Wild’", "--force")
    (home / "presets" / "broken.toml").write_text("[values]\ntop-k = -1\n")
    listed = {one["name"]: one for one in call("presets", "list", "--json").json}
    assert (listed["Noir"]["origin"], listed["Wild"]["origin"]) == ("yours", "shipped")
    assert listed["broken.toml"]["problem"].startswith("line 2: ‘top_k’")
    assert "line 2" in call("presets", "list").err
    assert call("presets", "show", "NOIR", "--json").json["values"]["top_k"] == 6
    assert (
        call("presets", "delete", "Noir", "--json").json["path"].endswith("trash/noir.toml".replace("/", os.sep))
    )
    assert_refused(call("presets", "show", "Noir", "--json"), "preset", "there is no preset called ‘Noir’")
    assert_refused(call("presets", "delete", "Wild", "--json"), "preset", "it ships with the app")


def test_personas_are_listed_and_shown_and_a_broken_one_says_its_line(call, home):
    """A broken file stands in nobody's way; asked for by name, its fault is the answer."""
    folder = home / "personas"
    folder.mkdir(parents=True)
    (folder / "mine.md").write_text("---\nname: Mine\nsampling: {temperature: 0.1}\n---\nYou are mine.\n")
    (folder / "broken.md").write_text("---\nname: Broken\nsampling: {temperature: hot}\n---\nYou are.\n")
    listed = call("personas", "list", "--json").json
    assert all({"name", "description", "origin", "path", "problem"} == set(one) for one in listed)
    assert {"Assistant", "Mine"} <= {one["name"] for one in listed if one["problem"] is None}
    assert [one["name"] for one in listed if one["problem"]] == ["broken.md"]
    shown = call("personas", "show", "mine", "--json").json
    assert (shown["name"], shown["system"], shown["sampling"]) == ("Mine", "You are mine.", {"temperature": 0.1})
    assert_refused(call("personas", "show", "broken", "--json"), "persona", "broken.md cannot be used", "line 3")
    assert_refused(call("personas", "show", "Nobody", "--json"), "persona", "Nobody")
    assert "line 3" in call("personas", "list").err


def test_personas_are_begun_and_brought_in_and_overwrite_nothing(call, home, tmp_path):
    made = call("personas", "new", "Night clerk", "--json").json
    assert made == {"name": "Night clerk", "path": str(home / "personas" / "night-clerk.md")}
    assert call("personas", "show", "night clerk").status == 0
    assert_refused(call("personas", "new", "night clerk", "--json"), "persona", "already")
    source = tmp_path / "mine.md"
    source.write_text("---\nname: Tutor\n---\nTeach.\n")
    assert [call("personas", "import", str(source), "--json").json["name"] for _ in "ab"] == [
        "Tutor (2)",
        "Tutor (3)",
    ]
    assert call("personas", "show", "Tutor (3)", "--json").json["system"] == "Teach."
    fields = {"name": "Mira", "description": "<BOT> is kind to <USER>.", "first_mes": "Hello: {{user}}"}
    for number, card in enumerate((fields, {"spec": "chara_card_v2", "data": fields})):
        source.write_text(json.dumps(card))
        name = call("personas", "import", str(source), "--json").json["name"]
        assert name == ("Mira", "Mira (2)")[number]
        shown = call("personas", "show", name, "--json").json
        assert (shown["system"], shown["greeting"]) == ("{{char}} is kind to {{user}}.", "Hello: {{user}}")
    for broken in ("{}", "{", "---\nname: x\n"):
        source.write_text(broken)
        assert_refused(call("personas", "import", str(source), "--json"), "persona", "mine.md was not imported")
    assert_refused(call("personas", "import", str(tmp_path / "nowhere"), "--json"), "persona")


def test_models_are_listed_and_shown_and_other_files_are_refused_with_the_reason(call, tmp_path, model_path):
    listed = call("models", "list", "--json").json
    [shape] = [set(model) for model in listed]
    assert shape >= {"name", "path", "size", "architecture", "quantisation", "context", "source"}
    assert (listed[0]["path"], listed[0]["size"]) == (str(model_path), model_path.stat().st_size)
    by_name, by_path = (call("models", "show", name, "--json").json for name in ("smollm2", str(model_path)))
    assert by_name == by_path
    assert by_name["architecture"] == "llama"
    (tmp_path / "text.gguf").write_text("not a model")
    assert_refused(call("models", "show", str(tmp_path / "text.gguf"), "--json"), "not_a_model", "text.gguf")
    assert_refused(call("models", "show", "nope", "--json"), "model", "nope")


def test_doctor_looks_at_everything(call):
    """Versions, folders, the store and the engine, each with a verdict."""
    done = call("doctor", "--json", "--offline-check")
    assert done.status == 0
    assert done.json["ok"] is True
    checks = {check["name"]: check for check in done.json["checks"]}
    assert {"chatapp", "llama-cpp-python", "sqlite", "data", "config", "state", "store", "engine"} <= set(checks)
    assert "tok/s" in checks["engine"]["what"]
    assert checks["offline"]["ok"]


# What may be wrong with the machine -------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["theme = [", "colour = 'red'", "threads = -1", "context = 16", "\x00"])
def test_broken_settings_are_said_and_the_defaults_are_in_force(call, home, text):
    """Standard output stays as it is for programs."""
    (home / "config").mkdir(parents=True)
    (home / "config" / "settings.toml").write_text(text)
    done = call("sessions", "list", "--json")
    assert (done.status, done.json) == (0, [])
    assert "settings.toml" in done.err
    assert "the defaults are in force" in done.err


@pytest.mark.parametrize("argv", [("sessions", "list"), ("personas", "list"), ("models", "list"), ("ask", "Hi")])
def test_a_data_folder_that_cannot_be_used_is_refused(home, call, argv):
    """Here a file stands in its place; the sentence says which, and what to do."""
    home.write_text("a file")
    assert_refused(call(*argv, "--json"), "data_dir", str(home), "--data-dir")


def test_a_store_that_is_no_database_is_refused_and_left_as_it_is(call, home):
    home.mkdir()
    (home / "chats.db").write_bytes(b"no database " * 1000)
    assert_refused(call("sessions", "list", "--json"), "store")
    assert (home / "chats.db").read_bytes() == b"no database " * 1000


def test_output_that_cannot_hold_a_character_gets_its_escape(chatapp, session):
    """An old locale, or a file name that is no text, is no reason for a traceback; JSON stays JSON."""
    done = chatapp("sessions", "rename", session, "“😀”", "--json", PYTHONIOENCODING="ascii")
    assert done.status == 0
    listed = chatapp("sessions", "list", "--json", PYTHONIOENCODING="ascii")
    assert [one["title"] for one in listed.json] == ["“😀”"]
    for_people = chatapp("sessions", "list", PYTHONIOENCODING="ascii")
    assert (for_people.status, for_people.err) == (0, "")
    assert "\\u201c" in for_people.out
    refused = chatapp("sessions", "show", "nope", "--json", PYTHONIOENCODING="ascii")
    assert (refused.status, refused.json["error"]["kind"]) == (1, "store")


def test_a_model_file_whose_name_is_no_text_is_listed(chatapp, home):
    (home / "models").mkdir(parents=True)
    (home / "models").joinpath(os.fsdecode(b"caf\xe9.gguf")).write_bytes(gguf({"general.name": None}))
    done = chatapp("models", "list", "--json")
    assert done.status == 0
    assert done.json[1]["path"].endswith("caf\udce9.gguf")
    assert chatapp("models", "list").status == 0


# Backups ----------------------------------------------------------------------------------------------------


def test_a_backup_is_made_listed_and_restored(chatapp, home):
    """What comes back, what would be missing, and where the present file is kept are said before and after."""
    (home).mkdir()
    asyncio.run(_say(home / "chats.db", "first"))
    made = chatapp("backup", "--json").json
    assert (made["number"], made["sessions"], made["messages"]) == (1, 1, 2)
    asyncio.run(_say(home / "chats.db", "second"))
    (listed,) = chatapp("restore", "--list", "--json").json
    assert (listed["reason"], listed["messages"], listed["missing_messages"]) == ("asked", 2, 2)
    back = chatapp("restore", "--json").json
    assert (back["restored"], back["missing_sessions"], back["missing_messages"]) == (made["path"], 1, 2)
    assert [one["title"] for one in chatapp("sessions", "list", "--json").json] == ["first"]
    undone = chatapp("restore", back["quarantine"])
    assert "2 sessions, 4 messages are back" in undone.out
    assert {one["title"] for one in chatapp("sessions", "list", "--json").json} == {"first", "second"}


def test_a_restore_that_cannot_be_says_why(chatapp, home):
    refused = chatapp("restore", "--json")
    assert (refused.status, refused.json["error"]["kind"]) == (1, "backup")
    assert "no backup yet" in refused.err
    assert "no backup ‘7’" in chatapp("restore", "7").err


async def _say(database, text):
    store = await Store.open(database)
    made = await store.create_session(Persona(name="Assistant"))
    _, reply = await store.begin_turn(made.id, None, text)
    await store.finish(reply.id, Status.COMPLETE, Provenance(), text="yes", token_ids=[1])
    await store.close()
