"""What came of a row, and how it is written: JSON lines, CSV or text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from chatapp.batch.rows import Row
from chatapp.text import cell

Format = Literal["jsonl", "csv", "text"]


@dataclass(frozen=True)
class Answer:
    """One reply to a row: its text, what JSON it is where a schema is kept to, and what it took."""

    text: str
    seed: int
    value: Any = None
    problem: str = ""
    """Why it cannot be used as it is; empty where it can."""
    kind: str = ""
    """The problem in one word."""
    stop_reason: str = ""
    prompt_tokens: int = 0
    reused_tokens: int = 0
    evaluated_tokens: int = 0
    generated_tokens: int = 0


@dataclass(frozen=True)
class Result:
    """What came of a row: answers, or a problem with the row itself."""

    row: Row
    answers: tuple[Answer, ...] = ()
    problem: str = ""
    kind: str = ""
    dropped: int = 0
    """Variations that were near-duplicates."""

    @property
    def failed(self) -> bool:
        """Whether nothing of it can be used."""
        return all(answer.problem for answer in self.answers)

    @property
    def complaints(self) -> list[str]:
        """What a person should know."""
        return [problem for problem in (self.problem, *(one.problem for one in self.answers)) if problem]


@dataclass(frozen=True)
class Shape:
    """How results are written."""

    format: Format
    structured: bool
    """Whether replies are JSON."""
    fields: tuple[str, ...] = ()
    """The columns that a JSON object becomes; none where replies are text, or JSON of another kind."""
    by_line: bool = False
    """Whether inputs are single lines; otherwise they are files, and named rather than repeated."""
    variations: int = 1

    @property
    def head(self) -> bytes:
        """What stands at the top of the output."""
        return _csv_line([*self._row_columns, *(self.fields or ("result",)), "error"]) if self._is_csv else b""

    @property
    def _is_csv(self) -> bool:
        return self.format == "csv"

    @property
    def _row_columns(self) -> tuple[str, ...]:
        own = ("row", "input" if self.by_line else "source")
        return (*own, "variation", "seed") if self.variations > 1 else own

    def write(self, result: Result) -> bytes:
        """The lines of one row."""
        write: Callable[[Result, int, Answer | None], bytes] = {
            "jsonl": self._json, "csv": self._cells, "text": self._text,
        }[self.format]  # fmt: skip
        return b"".join(write(result, place, answer) for place, answer in _places(result))

    def _json(self, result: Result, place: int, answer: Answer | None) -> bytes:
        line: dict[str, Any] = {"row": result.row.number}
        line |= {"input": result.row.text} if self.by_line and result.row.text else {}
        line |= {"source": result.row.source} if not self.by_line else {}
        line |= {"variation": place, "dropped": result.dropped} if self.variations > 1 else {}
        if answer is not None:
            line |= {"result": answer.value if self.structured else answer.text}
            line |= {"text": answer.text} if self.structured and answer.problem else {}
            line |= {"seed": answer.seed, "stop_reason": answer.stop_reason}
            line |= {
                name: getattr(answer, name)
                for name in ("prompt_tokens", "reused_tokens", "evaluated_tokens", "generated_tokens")
            }
        problem, kind = (answer.problem, answer.kind) if answer else (result.problem, result.kind)
        line |= {"error": {"kind": kind, "message": problem}} if problem else {}
        return (json.dumps(line, ensure_ascii=False) + "\n").encode()

    def _cells(self, result: Result, place: int, answer: Answer | None) -> bytes:
        row: list[Any] = [result.row.number, cell(result.row.text if self.by_line else result.row.source)]
        if self.variations > 1:
            row += [place, answer.seed if answer else ""]
        values: Mapping[str, Any] = {}
        if answer is not None and isinstance(answer.value, dict):
            values = answer.value
        if self.fields:
            row += [_cell(values.get(name, "")) for name in self.fields]
        else:
            row.append(_cell(answer.value if self.structured else answer.text) if answer else "")
        return _csv_line([*row, cell(answer.problem if answer else result.problem)])

    def _text(self, result: Result, _place: int, answer: Answer | None) -> bytes:
        said = answer.text.strip() if answer and (not answer.problem or answer.kind == "cut_off") else ""
        if self.by_line:  # one line for each, so that input and output can be laid side by side
            return f"{' '.join(said.split(chr(10)))}\n".encode()
        return f"==> {result.row.source}\n{said}\n\n".encode()


def _places(result: Result) -> Sequence[tuple[int, Answer | None]]:
    return list(enumerate(result.answers, start=1)) or [(1, None)]


def _csv_line(cells: Sequence[Any]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow(cells)
    return written.getvalue().encode()


def _cell(value: Any) -> Any:
    """A JSON value in a cell: texts as they are, lists of texts with semicolons, the rest as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return cell(value)
    if isinstance(value, list) and all(isinstance(one, str) and ";" not in one for one in value):
        return cell("; ".join(value))
    return json.dumps(value, ensure_ascii=False)


def columns_of(schema: str) -> tuple[str, ...]:
    """The columns for the replies of a schema: the properties of the object that it describes, if it does."""
    read = json.loads(schema) if schema else {}
    properties = read.get("properties") if isinstance(read, dict) else None
    return tuple(properties) if isinstance(properties, dict) else ()


@dataclass
class Tally:
    """What a run did."""

    done: int = 0
    failed: int = 0
    cut_off: int = 0
    dropped: int = 0

    def add(self, result: Result) -> None:
        """Count one more row."""
        self.done += 1
        self.failed += result.failed
        self.cut_off += any(answer.kind == "cut_off" for answer in result.answers)
        self.dropped += result.dropped
