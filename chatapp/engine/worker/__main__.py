"""`python -m chatapp.engine.worker`: requests come on fd 0, events leave on the fd 1 that it was started with."""

from __future__ import annotations

from chatapp.engine.worker.process import isolate


def main() -> None:
    """Secure the pipe before anything that may print is imported, then serve."""
    frames = isolate()
    from chatapp.engine.worker.server import Server  # noqa: PLC0415 - llama.cpp prints while it is imported

    Server(0, frames).run()


if __name__ == "__main__":
    main()
