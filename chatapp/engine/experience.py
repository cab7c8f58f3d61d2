"""What was seen of each model on this machine: how fast it was, and what memory it took.

One small file in the state folder, for estimates and for the model browser. It can be deleted at any time.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from chatapp.config import write_private
from chatapp.engine.fit import NO_LESSON, Lesson
from chatapp.engine.model import MemoryUse

MOST_MODELS = 500
LEAST_TOKENS = 16
"""A reply that is shorter says little about speed."""
_NEWS = 0.02
"""A change of less than this share is not worth a write."""


class Seen(BaseModel):
    """One model, as it was last seen."""

    model_config = ConfigDict(frozen=True)

    size: int
    """Bytes of its files; other sizes are another model at the same path."""
    tokens_per_s: float = 0.0
    """Of the last reply that was long enough; 0 before the first."""
    n_threads: int = 0
    """That it was so fast with."""
    memory: MemoryUse | None = None
    lesson: Lesson = NO_LESSON


_ALL: TypeAdapter[dict[str, Seen]] = TypeAdapter(dict[str, Seen])


class Experience:
    """Remembers models by their path. With no file it remembers until the end of the process."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._seen: dict[str, Seen] = {}
        if file is not None:
            try:
                self._seen = _ALL.validate_json(file.read_bytes())
            except (OSError, ValidationError):  # none yet, or damaged: it is learnt anew
                self._seen = {}

    def of(self, path: Path | str, size: int) -> Seen:
        """What is known of a model."""
        seen = self._seen.get(str(path))
        return seen if seen is not None and seen.size == size else Seen(size=size)

    def speed(self, path: Path | str, size: int, tokens_per_s: float, tokens: int, n_threads: int) -> bool:
        """Remember how fast a reply of so many tokens came; whether that is news."""
        if tokens < LEAST_TOKENS or tokens_per_s <= 0:
            return False
        before = self.of(path, size)
        news = {"tokens_per_s": tokens_per_s, "n_threads": n_threads}
        return self._keep(path, before, before.model_copy(update=news))

    def memory(self, path: Path | str, size: int, memory: MemoryUse, lesson: Lesson) -> bool:
        """Remember what a load took; whether that is news."""
        before = self.of(path, size)
        return self._keep(path, before, before.model_copy(update={"memory": memory, "lesson": lesson}))

    def write_nothing(self) -> None:
        """Remember only until the end of the process, from now on."""
        self._file = None

    def save(self) -> None:
        """Write the file whole; a few milliseconds on the disk.

        Raises:
            OSError: when it cannot be written.
        """
        if self._file is not None:
            write_private(self._file, _ALL.dump_json(self._seen).decode())

    def _keep(self, path: Path | str, before: Seen, after: Seen) -> bool:
        self._seen.pop(str(path), None)  # the one seen last stands last
        self._seen[str(path)] = after
        while len(self._seen) > MOST_MODELS:
            del self._seen[next(iter(self._seen))]
        return _differs(before, after)


def _differs(before: Seen, after: Seen) -> bool:
    if before.memory is None and after.memory is not None:
        return True
    pairs = [(before.tokens_per_s, after.tokens_per_s)]
    pairs += [(getattr(before.lesson, name), getattr(after.lesson, name)) for name in Lesson.__annotations__]
    return any(abs(old - new) > _NEWS * max(old, new) for old, new in pairs)
