"""The engine's process: how it is started, listened to and ended. All that depends on the system is here."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import sysconfig
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import chatapp
from chatapp.text import repair

COMMAND = (sys.executable, "-P", "-m", "chatapp.engine.worker")
LOG_LIMIT = 2**20
"""Bytes that a log may hold before it is set aside, and that one process may add to it."""
TAIL_LINES = 20
_TAIL_BYTES = 8192
_LAST_WORDS_SECONDS = 0.5
_GONE_SECONDS = 5.0

TEMPLATE_HUNG = "took too long over the model’s chat template and was ended"
_CRASHES = {
    "SIGSEGV": "crashed (segmentation fault)",
    "SIGBUS": "crashed (bus error); the model file may have been cut or replaced while it was in use",
    "SIGABRT": "crashed (it gave up on an error of its own)",
    "SIGILL": "crashed (illegal instruction); it may have been built for another processor",
    "SIGFPE": "crashed (arithmetic error)",
    "SIGPROF": TEMPLATE_HUNG,
    "SIGKILL": "was killed (signal 9), perhaps because memory ran out",
}


class Log:
    """Takes what the engine prints: all of it into a private file, the last lines into memory."""

    def __init__(self, path: Path | None) -> None:
        self._tail = b""
        self._room = LOG_LIMIT
        self._path = path
        self._file: int | None = None

    def open(self) -> None:
        """Begin; a file that has grown long is set aside first."""
        if (path := self._path) is None:
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.exists() and path.stat().st_size > LOG_LIMIT:
                path.replace(path.with_name(f"{path.name}.1"))
            self._file = os.open(path, flags, 0o600)
        except OSError as error:
            # A log that cannot be written must not keep anybody from chatting; the reason stays to be seen.
            self._tail = f"chatapp: no log is written ({error.strerror})\n".encode()

    def write(self, data: bytes) -> None:
        """Take a piece; never blocks on anything but the disk."""
        self._tail = (self._tail + data)[-_TAIL_BYTES:]
        if self._file is None or self._room <= 0:
            return
        try:
            os.write(self._file, data[: self._room])
            self._room -= len(data)
        except OSError as error:
            self._tail += f"chatapp: the log ends here ({error.strerror})\n".encode()
            self.close()

    def last_lines(self) -> str:
        """The last lines that were printed."""
        lines = repair(self._tail.decode("utf-8", "replace")).splitlines()
        return "\n".join(lines[-TAIL_LINES:])

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class Child(asyncio.SubprocessProtocol):
    """One engine process, in a session of its own, that ends when its stdin does.

    `heard` is called with each piece of its stdout. `ended` is called once, after its last words were read, with
    a sentence for people and the last lines of its stderr.
    """

    def __init__(self, heard: Callable[[bytes], None], ended: Callable[[str, str], None], log: Log) -> None:
        self._heard = heard
        self._ended = ended
        self._log = log
        self._verdict = ""
        self._over = asyncio.Event()
        self._open_ends = 2  # stdout, and asyncio's word that stderr and the process have ended
        self._taking = asyncio.Event()
        self._taking.set()
        self._transport: asyncio.SubprocessTransport
        self._stdout: asyncio.ReadTransport | None = None

    @classmethod
    async def start(
        cls,
        heard: Callable[[bytes], None],
        ended: Callable[[str, str], None],
        *,
        command: Sequence[str] | None = None,
        log: Path | None = None,
    ) -> Child:
        """Start the process; from the main thread, because its death notice may follow the thread.

        Raises:
            OSError: when the system refuses.
        """
        loop = asyncio.get_running_loop()
        ours, its = os.pipe()
        stdout = os.fdopen(ours, "rb", buffering=0)
        try:
            _, child = await loop.subprocess_exec(
                lambda: cls(heard, ended, Log(log)),
                *(command or COMMAND),
                stdout=its,
                env=environment(),
                start_new_session=True,
                close_fds=True,
            )
        except BaseException:
            stdout.close()
            raise
        finally:
            os.close(its)
        try:
            await loop.connect_read_pipe(lambda: _Ear(child), stdout)
        except BaseException:
            child.kill("The engine was not started.")
            raise
        return child

    @property
    def pid(self) -> int:
        """The process id."""
        return self._transport.get_pid()

    @property
    def alive(self) -> bool:
        """Whether the process runs, and nothing was done to end it."""
        return not self._verdict and not self._over.is_set() and self._transport.get_returncode() is None

    def send(self, frame: bytes) -> None:
        """Write to its stdin; what the pipe does not take at once waits in memory."""
        stdin = self._transport.get_pipe_transport(0)
        if isinstance(stdin, asyncio.WriteTransport) and not stdin.is_closing():
            stdin.write(frame)

    async def drained(self) -> None:
        """Wait until its stdin takes more: for those who send much, so that others' requests come through."""
        await self._taking.wait()

    def kill(self, verdict: str) -> None:
        """End it at once, and what it started with it; `verdict` is the sentence that `ended` will get."""
        self._verdict = self._verdict or verdict
        if self._transport.get_returncode() is None:
            _kill_group(self._transport)

    async def end(self, verdict: str, grace: float) -> None:
        """Close its stdin, which asks it to go; kill it when it stays longer than `grace` seconds."""
        self._verdict = self._verdict or verdict
        if (stdin := self._transport.get_pipe_transport(0)) is not None:
            stdin.close()
        try:
            await self.gone(grace)
        finally:
            self.kill(verdict)  # also when this was cancelled; to one that has left it does nothing
        await self.gone()

    async def gone(self, seconds: float = _GONE_SECONDS) -> bool:
        """Wait until it has ended, at most that long; return whether it has."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)
        return self._over.is_set()

    # What asyncio tells ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It runs."""
        assert isinstance(transport, asyncio.SubprocessTransport)  # noqa: S101 - asyncio's own promise, for mypy
        self._transport = transport
        self._log.open()

    def pause_writing(self) -> None:
        """Its stdin is full."""
        self._taking.clear()

    def resume_writing(self) -> None:
        """It takes more."""
        self._taking.set()

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002 - asyncio's signature
        """It printed something."""
        self._log.write(data)

    def stdout_opened(self, transport: asyncio.ReadTransport) -> None:
        """Its stdout can be heard."""
        self._stdout = transport

    def stdout_received(self, data: bytes) -> None:
        """It said something."""
        if not self._verdict:
            self._heard(data)

    def stdout_closed(self) -> None:
        """It will say no more; an engine that closed its mouth and lives on is of no use."""
        asyncio.get_running_loop().call_later(_LAST_WORDS_SECONDS, self._kill_if_alive)
        self._closed()

    def process_exited(self) -> None:
        """It ended. What it started ends with it; the pipes, which that may hold open, are not waited for long."""
        _kill_group(self._transport)
        asyncio.get_running_loop().call_later(_LAST_WORDS_SECONDS, self._finish)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """It ended, and all that it printed was read."""
        self._closed()

    def _closed(self) -> None:
        self._open_ends -= 1
        if self._open_ends == 0:
            self._finish()

    def _kill_if_alive(self) -> None:
        if self.alive:
            self.kill("The engine stopped answering and was ended.")

    def _finish(self) -> None:
        if self._over.is_set():
            return
        self._over.set()
        self._taking.set()  # nobody waits for the dead
        if self._stdout is not None:
            self._stdout.close()
        self._transport.close()
        self._log.close()
        self._ended(self._verdict or _why(self._transport.get_returncode()), self._log.last_lines())


class _Ear(asyncio.Protocol):
    """Hears a child's stdout. The pipes of asyncio's own subprocesses cost one more round of the loop a token."""

    def __init__(self, child: Child) -> None:
        self._child = child

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.ReadTransport)  # noqa: S101 - asyncio's own promise, for mypy
        self._child.stdout_opened(transport)

    def data_received(self, data: bytes) -> None:
        self._child.stdout_received(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._child.stdout_closed()


def environment() -> dict[str, str]:
    """The app's own environment, so changed that the child finds this very chatapp and prints no backtraces."""
    environment = os.environ | {
        "GGML_NO_BACKTRACE": "1",
        "PYTHONSAFEPATH": "1",
        "OPENBLAS_NUM_THREADS": "1",  # numpy's threads would live outside of the sandbox, and have no work here
    }
    root = Path(chatapp.__file__).resolve().parents[1]
    if root != Path(sysconfig.get_path("purelib")).resolve():  # a source checkout
        inherited = os.environ.get("PYTHONPATH", "")
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(root), inherited)))
    return environment


def _kill_group(transport: asyncio.SubprocessTransport) -> None:
    with suppress(ProcessLookupError, PermissionError):  # there is none left; macOS says so of zombies with EPERM
        if os.name == "posix":
            os.killpg(transport.get_pid(), signal.SIGKILL)
        else:
            transport.kill()


def _why(status: int | None) -> str:
    """The end of a process in plain words."""
    if status is None:
        return "The engine stopped."
    if status >= 0:
        return f"The engine stopped: it exited with status {status}."
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"The engine stopped: it {_CRASHES.get(name, f'was ended by {name}')}."
