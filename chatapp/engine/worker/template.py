"""The model's chat template, run in Jinja's sandbox, and what is done where it falls short.

A template is a program that came with the model. These are its usual shortcomings and what is done about them;
the note of a `ChatTemplate` says in one sentence which of them apply:

- It refuses or drops the system role: the system text is put before the first user turn.
- It wants user and assistant to alternate: neighbours of the same role are joined by a blank line, and a reply
  that stands first, such as a greeting, gets an empty user turn before it.
- It knows one system turn: neighbouring ones are joined, always.
- It knows no tools: they are offered in a system turn's words, and what they give is put into user turns.
- There is none, it has a syntax error, or it cannot render the simplest chat: ChatML is used.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Literal, NoReturn

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.nodes import Node
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from chatapp.conversation.message import Role
from chatapp.conversation.prompt import TOOL, Turn
from chatapp.engine.worker.process import deadline

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
CHATML_TOKENS = ("<|im_start|>", "<|im_end|>")

Adaptation = Callable[[Sequence[Turn]], Sequence[Turn]]

TOO_MUCH_MEMORY = "takes too much memory"
RENDER_SECONDS = 5.0
_PROBE = "\u2318probe\u2318"


class TemplateError(Exception):
    """The template cannot render these turns; the message is a sentence for people."""


class ChatTemplate:
    """Renders turns as the text that the model was trained on.

    `kind`, `note` and `stop` tell whose template it is, what was done about it, and which strings end a turn
    where the vocabulary has no tokens for that.
    """

    def __init__(
        self, source: str | None, bos: str, eos: str, specials: Collection[str] = (), *, problem: str = ""
    ) -> None:
        """A template, by its source; `problem` says why it is not even to be looked at."""
        self._values = {"bos_token": bos, "eos_token": eos, "documents": None}
        self.kind: Literal["own", "chatml"] = "own"
        self.note = ""
        self.stop: tuple[str, ...] = ()
        self.takes_tools = False
        self._adaptations: tuple[Adaptation, ...] = (one_system, alternating, _both)
        try:
            if problem:
                raise TemplateError(problem)  # noqa: TRY301 - as if it were found out here
            self._compile(source)
            self._probe()
        except TemplateError as error:
            self._fall_back(f"{error}; ChatML is used instead.", specials)

    def render(self, turns: Sequence[Turn], *, opens_reply: bool = True) -> tuple[str, Adaptation]:
        """Render turns; `opens_reply` lets the text end where the reply begins.

        Returns:
            The text, and the adaptation of the turns that the template accepted.

        Raises:
            TemplateError: when it accepts none.
        """
        failure = TemplateError("nothing was tried")
        for adapt in map(self._with_tools, self._adaptations):
            try:
                return self.render_as(adapt(turns), opens_reply=opens_reply), adapt
            except TemplateError as error:
                failure = error
        raise TemplateError(f"The model’s chat template cannot render this chat ({failure}).") from failure

    def render_as(self, turns: Sequence[Turn], *, opens_reply: bool = True) -> str:
        """Render turns as they are.

        Raises:
            TemplateError: with the template's own words.
        """
        offered = [turn for turn in turns if turn.tools and self.takes_tools]
        tools = json.loads(offered[0].tools) if offered else None
        messages = [{"role": str(turn.role), "content": turn.content} for turn in turns if turn not in offered]
        try:
            with deadline(RENDER_SECONDS):
                return self._template.render(
                    messages=messages, tools=tools, add_generation_prompt=opens_reply, **self._values
                )
        except MemoryError as error:
            raise TemplateError(f"it {TOO_MUCH_MEMORY}") from error
        except Exception as error:  # a template is a program: it may raise anything
            raise TemplateError(_words(error)) from error

    def _compile(self, source: str | None) -> None:
        if not source:
            raise TemplateError("The model brings no chat template")
        try:
            with deadline(RENDER_SECONDS):
                self._template = _environment().from_string(source)
        except MemoryError as error:
            raise TemplateError(f"The model’s chat template {TOO_MUCH_MEMORY}") from error
        except Exception as error:  # it computes what it can already now
            raise TemplateError(f"The model’s chat template is broken ({_words(error)})") from error

    def _probe(self) -> None:
        """Find out once what the template refuses, so that people can be told before they chat."""
        user = Turn(role=Role.USER, content="a")
        try:
            self.render_as([user])
        except TemplateError as error:
            raise TemplateError(f"The model’s chat template does not work ({error})") from error
        notes = []
        if not self._shows_system(user):
            self._adaptations = (system_joined, _both)
            notes.append("the system prompt is put before the first user turn")
        if not self._renders([user, user]):
            notes.append("neighbouring turns of one role are joined")
        self.takes_tools = self._shows_tools(user)
        self.note = f"The template has its limits: {' and '.join(notes)}." if notes else ""

    def _shows_system(self, user: Turn) -> bool:
        try:
            return _PROBE in self.render_as([Turn(role=Role.SYSTEM, content=_PROBE), user])
        except TemplateError:
            return False

    def _shows_tools(self, user: Turn) -> bool:
        """Whether it writes the tools that it is given, and what they gave."""
        tool = {"name": _PROBE, "description": "b", "parameters": {"type": "object", "properties": {}}}
        offered = Turn(
            role=Role.SYSTEM,
            content="",
            tools=json.dumps([{"type": "function", "function": tool}], ensure_ascii=False),
        )
        called = [Turn(role=Role.ASSISTANT, content="c"), Turn(role=TOOL, content="\u2318given\u2318")]
        self.takes_tools = True
        try:
            text = self.render_as([offered, user, *called])
        except TemplateError:
            return False
        finally:
            self.takes_tools = False
        return _PROBE in text and "\u2318given\u2318" in text

    def _with_tools(self, adapt: Adaptation) -> Adaptation:
        """The same adaptation for turns that offer tools, and bring what they gave."""

        def adapted(turns: Sequence[Turn]) -> Sequence[Turn]:
            if not self.takes_tools:
                return adapt([_as_user(turn) for turn in turns])
            return [*(turn for turn in turns if turn.tools), *adapt([turn for turn in turns if not turn.tools])]

        return adapted

    def _renders(self, turns: Sequence[Turn]) -> bool:
        try:
            self.render_as(turns)
        except TemplateError:
            return False
        return True

    def _fall_back(self, note: str, specials: Collection[str]) -> None:
        self.kind, self.note = "chatml", note
        self._compile(CHATML)
        if not all(token in specials for token in CHATML_TOKENS):
            self.stop = CHATML_TOKENS


# Adaptations -----------------------------------------------------------------------------------------------------


def one_system(turns: Sequence[Turn]) -> list[Turn]:
    """Neighbouring system turns joined: many a template knows only one."""
    joined: list[Turn] = []
    for turn in turns:
        if joined and turn.role == joined[-1].role == Role.SYSTEM:
            joined[-1] = _join(joined[-1], turn)
        else:
            joined.append(turn)
    return joined


def alternating(turns: Sequence[Turn]) -> list[Turn]:
    """User and assistant in turn: neighbours joined, and a user turn first, after the system's."""
    joined: list[Turn] = []
    for turn in turns:
        if joined and joined[-1].role == turn.role:
            joined[-1] = _join(joined[-1], turn)
        else:
            joined.append(turn)
    first = 1 if joined and joined[0].role == Role.SYSTEM else 0
    if first == len(joined) or joined[first].role != Role.USER:
        joined.insert(first, Turn(role=Role.USER, content=""))
    return joined


def system_joined(turns: Sequence[Turn]) -> list[Turn]:
    """The system's text before that of the first user turn."""
    system = [turn for turn in turns if turn.role == Role.SYSTEM]
    others = [turn for turn in turns if turn.role != Role.SYSTEM]
    if not system:
        return others
    text = "\n\n".join(turn.content for turn in system)
    if others and others[0].role == Role.USER:
        return [_join(system[0].model_copy(update={"content": text}), others[0]), *others[1:]]
    return [system[0].model_copy(update={"role": Role.USER, "content": text}), *others]


def _both(turns: Sequence[Turn]) -> list[Turn]:
    return alternating(system_joined(turns))


def _as_user(turn: Turn) -> Turn:
    """What a tool gave, in a user turn."""
    if turn.role != TOOL:
        return turn
    said = f"<tool_response>\n{turn.content}\n</tool_response>"
    return turn.model_copy(update={"role": Role.USER, "content": said})


def _join(first: Turn, second: Turn) -> Turn:
    """One turn of two. Its token ids are not known: joined texts are tokenised anew."""
    content = "\n\n".join(filter(None, (first.content, second.content)))
    return second.model_copy(update={"content": content, "token_ids": ()})


# The environment that templates expect ---------------------------------------------------------------------------


class _Generation(Extension):
    """`{% generation %}` marks replies for training; here it changes nothing."""

    tags = {"generation"}  # noqa: RUF012 - as Jinja declares it

    def parse(self, parser: Parser) -> list[Node]:
        """Keep the inside, drop the tag."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _Generation]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = _now
    return environment


def _to_json(value: Any, indent: int | None = None, **_options: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def _now(pattern: str) -> str:
    return datetime.now().astimezone().strftime(pattern)


def _words(error: BaseException) -> str:
    return (str(error) or type(error).__name__).strip().rstrip(".")
