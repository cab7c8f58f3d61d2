"""`python -m chatapp.engine.worker.probe SECONDS`: tries the chat template on fd 0, says on fd 1 what is wrong.

It says nothing about a template that works, nor about one that fails in an orderly way: the engine sees that.
"""

from __future__ import annotations

import sys
from contextlib import suppress

from chatapp.conversation.message import Role
from chatapp.conversation.prompt import Turn
from chatapp.engine.worker.process import MEBIBYTE, bound_by, isolate
from chatapp.engine.worker.template import TOO_MUCH_MEMORY, ChatTemplate, TemplateError

_MEMORY = 512 * MEBIBYTE
_MOST = 2**20
"""Characters that a chat of a few words may become."""
_CHAT = [
    Turn(role=Role.SYSTEM, content="Be brief."),
    *(Turn(role=role, content=f"Words {number}.") for number in range(6) for role in (Role.USER, Role.ASSISTANT)),
    Turn(role=Role.USER, content="And now?"),
]


def judge(source: str) -> str:
    """Why a template is not to be used; empty when nothing speaks against it."""
    template = ChatTemplate(source, "<s>", "</s>")
    if TOO_MUCH_MEMORY in template.note:
        return f"The model’s chat template {TOO_MUCH_MEMORY}"
    with suppress(TemplateError):
        for turns in (_CHAT[1:2], _CHAT):
            if len(template.render(turns)[0]) > _MOST:
                return "The model’s chat template writes without end"
    return ""


def main() -> None:
    """Judge within the limits; who goes beyond them is ended by the system."""
    told = isolate()
    bound_by(_MEMORY, int(sys.argv[1]))
    source = sys.stdin.buffer.read().decode("utf-8", "surrogatepass")
    with open(told, "w", encoding="utf-8") as out:  # noqa: PTH123  a descriptor, not a path
        out.write(judge(source))


if __name__ == "__main__":
    main()
